// SPDX-License-Identifier: MIT
// The seam between pages and wire: protocols that recover what was missed fit into it.
// Starts no program of the build.
import assert from "node:assert/strict";
import test from "node:test";
import {Realtime} from "../../clients/js/src/index.js";
import {FakeWorld} from "../../clients/js/src/testing.js";

const added = (table_id, more = {}) => ({type: "page_add", page: "table", parameters: {table_id}, ...more});

async function start(positions) {
  const world = new FakeWorld();
  const realtime = new Realtime({url: "/", token: "t", world, positions, onError: assert.fail});
  const loads = [];
  const heard = [];
  realtime.on("rows_updated", ({n}) => heard.push(n));
  const subscribe = (table_id) => realtime.subscribe("table", {table_id}, {load: (how) => loads.push([table_id, how.why, how.snapshot])});
  realtime.connect();
  await world.settle();
  const again = async () => {
    world.socket.end();
    await world.advance(1000);
    world.socket.authenticate();
    return world.socket.take();
  };
  return {world, realtime, loads, heard, subscribe, again};
}

test("all pages are resumed in one frame; a recovered one does not load, a snapshot is handed on, a wait delays [FE-11]", async () => {
  const places = new Map();
  const positions = {
    ask: (pages) => [{resume: pages.map(({page, parameters}) => ({page, ...parameters, _at: places.get(parameters.table_id)}))}],
    answered: (_, {parameters, _at, recovered, snapshot, wait}) => {
      places.set(parameters.table_id, _at);
      return {recovered, snapshot, wait};
    },
  };
  const {world, loads, heard, subscribe, again} = await start(positions);
  for (const id of [1, 2, 3]) subscribe(id);
  world.socket.authenticate();
  assert.deepEqual(world.socket.take(), [{resume: [1, 2, 3].map((table_id) => ({page: "table", table_id}))}]);
  for (const id of [1, 2, 3]) world.socket.say(added(id, {_at: `p${id}`}));
  await world.settle();
  assert.deepEqual(loads.splice(0), [1, 2, 3].map((id) => [id, "first", undefined]));
  assert.deepEqual(await again(), [{resume: [1, 2, 3].map((table_id) => ({page: "table", table_id, _at: `p${table_id}`}))}]);
  world.socket.say(added(1, {recovered: true}));
  world.socket.say({type: "rows_updated", n: 7});
  assert.deepEqual(heard, [7]);
  world.socket.say(added(2, {snapshot: {rows: []}}));
  world.socket.say(added(3, {wait: 400}));
  await world.settle();
  assert.deepEqual(loads.splice(0), [[2, "reconnect", {rows: []}]]);
  await world.advance(400);
  assert.deepEqual(loads, [[3, "reconnect", undefined]]);
});

test("a page whose load was not finished is not recovered, whatever the server says", async () => {
  const {world, loads, subscribe, again} = await start({answered: (_, {recovered}) => ({recovered})});
  const page = subscribe(1);
  world.socket.authenticate();
  world.socket.say(added(1)); // the load has not even begun when the line breaks
  await again();
  world.socket.say(added(1, {recovered: true}));
  await world.settle();
  assert.deepEqual([loads.length, page.state], [1, "live"]);
});

test("a page whose later load was not finished is not recovered either", async () => {
  const {world, realtime, subscribe, loads, again} = await start({answered: (_, {recovered}) => ({recovered})});
  subscribe(1);
  world.socket.authenticate();
  world.socket.say(added(1));
  await world.settle();
  realtime.subscribe("table", {table_id: 1}, {load: () => new Promise(() => {})});
  world.socket.say({type: "updates_missed"});
  await again();
  world.socket.say(added(1, {recovered: true}));
  await world.settle();
  assert.deepEqual(loads.map(([, why]) => why), ["first", "reconnect"]);
});

test("Baserow's replay is written on it: the last id is named, and only a refusal loads", async () => {
  let last = null;
  let replaying = null;
  const positions = {
    ask: (pages) => [
      ...(last === null ? [] : [{type: "replay_events", last_seen_id: last}]),
      ...pages.map(({page, parameters}) => ({...parameters, page})),
    ],
    heard: ({type, _event_id, success}) => {
      if (_event_id) last = _event_id;
      if (type === "replay_events_result") replaying = success;
    },
    answered: () => ({recovered: replaying === true}),
  };
  const {world, loads, heard, subscribe, again} = await start(positions);
  subscribe(1);
  world.socket.authenticate();
  world.socket.say(added(1));
  await world.settle();
  world.socket.say({type: "rows_updated", n: 1, _event_id: "17-0"});
  assert.deepEqual((await again())[0], {type: "replay_events", last_seen_id: "17-0"});
  world.socket.say({type: "rows_updated", n: 2, _event_id: "18-0"});
  world.socket.say({type: "replay_events_result", success: true});
  world.socket.say(added(1));
  await world.settle();
  assert.deepEqual([heard, loads.length], [[1, 2], 1]);
  await again();
  world.socket.say({type: "replay_events_result", success: false});
  world.socket.say(added(1));
  await world.settle();
  assert.equal(loads.length, 2);
});

test("the seam may be an object of a class, and need not do everything", async () => {
  class Heard {
    messages = [];
    heard(message) {
      this.messages.push(message.type);
    }
  }
  const positions = new Heard();
  const {world, subscribe} = await start(positions);
  subscribe(1);
  world.socket.authenticate();
  assert.deepEqual(world.socket.take(), [{page: "table", table_id: 1}]);
  world.socket.say(added(1));
  assert.deepEqual(positions.messages, ["authentication", "page_add"]);
});
