// SPDX-License-Identifier: MIT
// Pages on a fake world: what the scenarios do not show.
// Starts no program of the build.
import assert from "node:assert/strict";
import test from "node:test";
import {keyOf} from "../../clients/js/src/pages.js";
import {added, live, start} from "./support/started.mjs";

test("parameters that are the same to the server are one key [JS-37] [FE-10]", () => {
  const same = (a, b) => assert.equal(keyOf("p", a), keyOf("p", b));
  const differ = (a, b) => assert.notEqual(keyOf("p", a), keyOf("p", b));
  same({a: 7, b: "x"}, {b: "x", a: "7"});
  same({a: 7}, {a: 7.0});
  same({a: 7}, {a: 7, b: null});
  same({a: 7}, {a: 7, b: undefined});
  differ({a: 7}, {a: "07"});
  differ({a: true}, {a: "true"});
  differ({a: "9007199254740993"}, {a: "9007199254740992"});
  differ({a: "1e3"}, {a: 1000});
  differ({a: "x"}, {b: "x"});
  assert.notEqual(keyOf("p", {a: 1}), keyOf("q", {a: 1}));
});

test("a thousand pages are asked for in one tick, in order, and their answers are not compared with all [JS-36]", async (t) => {
  const {world, realtime} = await live();
  for (let id = 0; id < 1000; id += 1) realtime.subscribe("table", {table_id: id}, {load() {}});
  world.socket.take();
  world.socket.end();
  await world.advance(500);
  world.socket.accept();
  assert.deepEqual(world.socket.take(), Array.from({length: 1000}, (_, table_id) => ({page: "table", table_id})));
  world.socket.authenticate();
  const {stringify} = JSON; // what keys and comparisons are made with
  let calls = 0;
  t.mock.method(JSON, "stringify", (value) => {
    calls += 1;
    return stringify(value);
  });
  for (let id = 0; id < 1000; id += 1) world.socket.say(added("table", {table_id: id}));
  await world.settle();
  assert.ok(calls < 10_000, `${calls} calls for a thousand answers`);
  realtime.dispose();
});

test("a signal ends a subscription: before, during and after its load [JS-35]", async () => {
  const {world, realtime} = await live();
  const early = AbortSignal.abort();
  const never = realtime.subscribe("table", {table_id: 1}, {signal: early, load: () => assert.fail("loaded")});
  assert.deepEqual([never.state, world.socket.take()], ["removed", []]);
  for (const finished of [false, true]) {
    const ending = new AbortController();
    let how;
    let end;
    const page = realtime.subscribe("table", {table_id: 2}, {signal: ending.signal, load(given) {
      how = given;
      return new Promise((resolve) => (end = resolve));
    }});
    world.socket.say(added("table", {table_id: 2}));
    await world.settle();
    if (finished) end();
    await world.settle();
    assert.equal(page.state, finished ? "live" : "loading");
    ending.abort();
    assert.deepEqual([page.state, how.signal.aborted], ["removed", !finished]);
    await assert.rejects(page.ready(), /unsubscribed/);
    await world.advance(1000);
    assert.deepEqual(world.socket.take(), [{page: "table", table_id: 2}, {remove_page: "table", table_id: 2}]);
  }
});

test("a load that throws, then reload: ready tells of both [JS-34]", async () => {
  const {world, realtime, errors} = await live();
  let fail = true;
  const states = [];
  const page = realtime.subscribe("table", {table_id: 1}, {
    load() { if (fail) throw new Error("503"); },
    onState: (state, error) => states.push(error ? `${state}: ${error.message}` : state),
  });
  world.socket.say(added("table", {table_id: 1}));
  await assert.rejects(page.ready(), /503/);
  assert.equal(errors.length, 1);
  fail = false;
  page.reload();
  await page.ready();
  assert.deepEqual(states, ["asking", "loading", "stale: 503", "loading", "live"]);
});

test("who waits for a page is told of a refusal, of an end and of an eviction [JS-29] [JS-23]", async () => {
  const {world, realtime} = await live();
  const pages = ["refused", "unsubscribed", "discarded", "disposed"].map((_, table_id) => realtime.subscribe("table", {table_id}, {
    load: () => new Promise(() => {}),
  }));
  const ends = Promise.allSettled(pages.map((page) => page.ready()));
  world.socket.say({type: "page_error", page: "table", parameters: {table_id: 0}, error: "refused"});
  pages[1].unsubscribe();
  world.socket.say(added("table", {table_id: 2}));
  world.socket.say({type: "page_discard", page: "table", parameters: {table_id: 2}});
  realtime.dispose();
  assert.deepEqual((await ends).map(({reason}) => reason.message), ["refused", "unsubscribed", "discarded", "disposed"]);
});

test("what onState and handlers throw is reported, and stops nobody [JS-47]", async () => {
  const {world, realtime, errors} = await live();
  const page = realtime.subscribe("table", {table_id: 1}, {onState() { throw new Error("onState"); }});
  realtime.onStatus(() => { throw new Error("onStatus"); });
  world.socket.say(added("table", {table_id: 1}));
  assert.equal(page.state, "live");
  world.socket.end();
  assert.deepEqual(errors.map(({message}) => message), ["onState", "onState", "onState", "onStatus"]);
  assert.equal(realtime.status.name, "waiting");
});

test("a second confirmation of a page runs no second load [JS-23]", async () => {
  const {world, realtime} = await live();
  const loads = [];
  realtime.subscribe("table", {table_id: 1}, {load: ({why}) => loads.push(why) && new Promise(() => {})});
  for (let n = 0; n < 2; n += 1) {
    world.socket.say(added("table", {table_id: 1}));
    await world.settle();
  }
  assert.deepEqual(loads, ["first"]);
});

test("while two pages load, the end of one releases only what the other does not hold [JS-30] [JS-33]", async () => {
  const {world, realtime} = await live();
  const ends = [];
  const heard = [];
  for (const type of ["a", "b", "c"]) realtime.on(type, () => heard.push(type));
  for (const [table_id, holds] of [[1, ["a", "b"]], [2, ["b", "c"]]]) {
    realtime.subscribe("table", {table_id}, {holds, load: () => new Promise((resolve) => ends.push(resolve))});
    world.socket.say(added("table", {table_id}));
  }
  await world.settle();
  for (const type of ["c", "b", "a"]) world.socket.say({type});
  ends[0]();
  await world.settle();
  assert.deepEqual(heard, ["a"]);
  ends[1]();
  await world.settle();
  assert.deepEqual(heard, ["a", "c", "b"]);
});

test("events that wait are bounded in bytes [JS-32]", async () => {
  const {world, realtime, errors} = await live({limits: {heldBytes: 100}});
  const loads = [];
  realtime.subscribe("table", {table_id: 1}, {load: ({why}) => loads.push(why) && new Promise(() => {})});
  world.socket.say(added("table", {table_id: 1}));
  await world.settle();
  world.socket.say({type: "x", text: "y".repeat(50)});
  assert.deepEqual(errors, []);
  world.socket.say({type: "x", text: "y".repeat(50)});
  assert.match(errors[0].message, /too many events/);
  await world.advance(999);
  assert.deepEqual(loads, ["first"]);
  await world.advance(1);
  assert.deepEqual(loads, ["first", "overflow"]);
});

test("a subscription that takes over a page before its answer is refused without one, too [JS-28]", async () => {
  const {world, realtime} = await live();
  const first = realtime.subscribe("table", {table_id: 1});
  await world.advance(9000);
  first.unsubscribe();
  const second = realtime.subscribe("table", {table_id: 1});
  await world.advance(9999);
  assert.equal(second.state, "asking");
  await world.advance(1);
  assert.deepEqual([second.state, second.error.message], ["refused", "no_answer"]);
  // It is so until it is asked for again.
  world.socket.end();
  assert.deepEqual([second.state, second.error.message], ["refused", "no_answer"]);
  await world.advance(1000);
  world.socket.authenticate();
  assert.equal(second.state, "asking");
});

test("a page that was about to be left when the connection broke is not asked for again [JS-25] [FE-10]", async () => {
  const {world, realtime} = await live();
  const page = realtime.subscribe("table", {table_id: 1});
  realtime.subscribe("table", {table_id: 2});
  for (const table_id of [1, 2]) world.socket.say(added("table", {table_id}));
  page.unsubscribe();
  world.socket.end();
  await world.advance(600);
  world.socket.authenticate();
  await world.advance(5000);
  assert.deepEqual(world.socket.take(), [{page: "table", table_id: 2}]);
});

test("a page is left although its confirmation came after the last subscription [JS-25]", async () => {
  const {world, realtime} = await live();
  realtime.subscribe("table", {table_id: 1}).unsubscribe();
  await world.advance(500);
  world.socket.say(added("table", {table_id: 1}));
  await world.advance(500);
  assert.deepEqual(world.socket.take(), [{page: "table", table_id: 1}, {remove_page: "table", table_id: 1}]);
});

test("a page that is not confirmed is not loaded by reload [JS-34]", async () => {
  const {world, realtime} = await live();
  const loads = [];
  const page = realtime.subscribe("table", {table_id: 1}, {load: ({why}) => loads.push(why)});
  page.reload();
  await world.settle();
  assert.deepEqual([loads, page.state], [[], "asking"]);
  world.socket.say(added("table", {table_id: 1}));
  await world.settle();
  world.socket.end();
  page.reload();
  await world.settle();
  assert.deepEqual([loads, page.state], [["first"], "stale"]);
});

test("unsubscribe by name gives the newest subscription back [JS-24]", async () => {
  const {realtime} = await live();
  const [oldest, newest] = [1, 2].map(() => realtime.subscribe("table", {table_id: 1}));
  realtime.unsubscribe("table", {table_id: "1"});
  assert.deepEqual([oldest.state, newest.state], ["asking", "removed"]);
});
