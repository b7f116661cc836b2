// SPDX-License-Identifier: MIT
// The connection on a fake world: silence, wake-ups, tokens, and what the server's numbers do.
// Starts no program of the build.
import assert from "node:assert/strict";
import test from "node:test";
import {added, live, start} from "./support/started.mjs";

// --- Silence

test("with the default heartbeat a dead line is left after 20 and 10 seconds [JS-13]", async () => {
  // The server's default: CoreConsumerOptions::heartbeat, "heartbeat":20 in tests/page/accepts_test.cpp.
  const {world, realtime} = await live({}, 20);
  const {socket} = world;
  await world.advance(19_999);
  assert.deepEqual(socket.take(), []);
  await world.advance(1);
  assert.deepEqual(socket.take(), [{type: "ping"}]);
  await world.advance(9999);
  assert.deepEqual([realtime.status.name, world.sockets.length], ["live", 1]);
  await world.advance(1);
  assert.deepEqual([realtime.status.name, world.sockets.length, socket.readyState], ["connecting", 2, 3]);
});

test("a timer that fires a millisecond early is set again [JS-63]", async () => {
  const {world} = await live();
  await world.advance(5000); // the clock of the back-off is gone
  const [[id, {due, call}]] = [...world.timers];
  world.sleep(due - world.Date.now() - 1);
  world.timers.delete(id);
  call();
  assert.deepEqual([...world.timers.values()].map((timer) => timer.due), [due]);
  await world.advance(1);
  assert.deepEqual(world.socket.take(), [{type: "ping"}]);
});

test("a heartbeat of years is taken as an hour, which a timer can count [JS-13]", async () => {
  const {world} = await live({}, 1e9);
  const last = Math.max(...[...world.timers.values()].map(({due}) => due));
  assert.equal(last - world.Date.now(), 3_600_000);
});

test("a client that is not to come back is idle after a dead line, too", async () => {
  const {world, realtime} = start();
  realtime.connect(false);
  await world.settle();
  world.socket.authenticate({heartbeat: 20});
  await world.advance(30_000);
  assert.deepEqual([realtime.status.name, world.sockets.length], ["idle", 1]);
});

test("a hidden page waits up to two minutes for a retry [JS-12]", async () => {
  const {world, realtime} = await live({}, 0);
  world.Math.random = () => 1;
  world.hide(true);
  const waits = [];
  for (let n = 0; n < 9; n += 1) {
    world.socket.end();
    waits.push(realtime.status.until - world.Date.now());
    await world.advance(waits.at(-1));
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 120_000, 120_000]);
});

test("a page that is shown in time keeps its socket [JS-12]", async () => {
  const {world, realtime} = await live({limits: {pauseHiddenAfter: 60_000}}, 0);
  world.hide(true);
  await world.advance(59_000);
  world.hide(false);
  await world.advance(60_000);
  assert.deepEqual([realtime.status.name, world.sockets.length], ["live", 1]);
});

test("a wake-up counts the handshake from its own beginning, and never gives a ping more time [JS-11] [JS-14]", async () => {
  let give;
  const {world, realtime} = start({token: () => new Promise((resolve) => (give = resolve))});
  realtime.connect();
  await world.advance(2500);
  give("t");
  await world.advance(1000);
  world.fire("online");
  await world.settle();
  assert.equal(world.sockets.length, 1);
  world.socket.authenticate({heartbeat: 20});
  await world.advance(28_000); // 8 seconds ago it sent a ping
  world.fire("focus");
  await world.advance(2000);
  assert.equal(realtime.status.name, "connecting");
});

test("the application may overrule what a close code means [JS-9]", async () => {
  const cases = [[1008, "policy", "retry", "waiting"], [1006, "", "stop", "stopped"], [4000, "x", "token", "connecting"],
    [1008, "policy", undefined, "stopped"]];
  for (const [code, reason, verdict, status] of cases) {
    const asked = [];
    const {world, realtime} = await live({classify: (...given) => asked.push(given) && verdict});
    world.socket.end(code, reason);
    assert.deepEqual([asked, realtime.status.name], [[[code, reason]], status]);
    realtime.dispose();
  }
});

// --- Tokens

test("failed handshakes count in a row: one that opens in between begins anew [JS-44]", async () => {
  const asked = [];
  const {world, realtime} = start({token: ({rejected}) => asked.push(rejected) && "t"});
  realtime.connect();
  for (const opens of [false, false, true, false, false, false]) {
    await world.settle();
    if (opens) world.socket.accept();
    world.socket.end();
    await world.advance(realtime.status.until - world.Date.now());
  }
  assert.deepEqual(asked, [null, null, null, null, null, null, "t"]);
});

test("a token that was rejected once is taken again after a stable connection [JS-40]", async () => {
  const tokens = ["old", "new", "old"];
  const {world, realtime} = start({token: () => tokens.shift()});
  realtime.connect();
  await world.settle();
  world.socket.authenticate({success: false});
  await world.settle();
  world.socket.authenticate();
  await world.advance(5000);
  world.socket.end();
  await world.advance(1000);
  assert.deepEqual([realtime.status.name, world.sockets.length], ["connecting", 3]);
});

test("a client that is not to come back does not try a second token either [FE-1]", async () => {
  let asked = 0;
  const {world, realtime} = start({token: () => `t${(asked += 1)}`});
  realtime.connect(false);
  await world.settle();
  world.socket.authenticate({success: false});
  await world.settle();
  assert.deepEqual([realtime.status.name, realtime.status.why, asked], ["stopped", "token_rejected", 1]);
});

test("a handler that disconnects while the client leaves a socket is obeyed: no token is asked for [JS-54]", async () => {
  let asked = 0;
  const {world, realtime} = start({token: () => `t${(asked += 1)}`});
  realtime.subscribe("table", {table_id: 1}, {onState: (state) => state === "stale" && realtime.disconnect()});
  realtime.connect();
  await world.settle();
  world.socket.authenticate();
  world.socket.say(added("table", {table_id: 1}));
  world.socket.say({type: "authentication", success: false});
  await world.settle();
  assert.deepEqual([realtime.status.name, asked, world.timers.size, world.listening], ["idle", 1, 0, 0]);
});

test("a component that is mounted does not wake a client that was stopped [FE-3]", async () => {
  let asked = 0;
  const {world, realtime} = start({token: () => (asked += 1) && null});
  realtime.connect();
  await world.settle();
  realtime.retain();
  await world.settle();
  assert.deepEqual([realtime.status.name, realtime.status.why, asked], ["stopped", "token_rejected", 1]);
});
