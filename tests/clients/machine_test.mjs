// SPDX-License-Identifier: MIT
// The machine without sockets: every state against every event, and a million random steps.
// Starts no program of the build.
import assert from "node:assert/strict";
import test from "node:test";
import {delay, retryAfter, verdict, defaults} from "../../clients/js/src/backoff.js";
import {createConnection} from "../../clients/js/src/connection.js";
import {begin, step} from "../../clients/js/src/machine.js";
import {FakeWorld} from "../../clients/js/src/testing.js";

const letters = {I: "idle", A: "token", C: "connecting", L: "live", P: "probing", W: "waiting", Z: "suspended", X: "stopped"};
const letter = Object.fromEntries(Object.entries(letters).map(([one, at]) => [at, one]));

/// The events that lead to a state, each a second after the one before; the clock starts at 1,000,000.
const ways = {
  I: [],
  A: ["connect"],
  C: ["connect", "token"],
  L: ["connect", "token", "open", "authentication"],
  P: ["connect", "token", "open", "authentication", "wake late"],
  W: ["connect", "token", "open", "closed"],
  Z: ["connect", "suspend"],
  X: ["connect", "token", "open", "force_disconnect"],
};
const details = {
  token: {token: "t1"}, authentication: {success: true, heartbeat: 20_000}, closed: {verdict: "retry"}, wake: {probe: true},
};
const own = ["token", "open", "authentication", "message", "force_disconnect", "closed"];

function go(state, now, type, more = {}) {
  const turn = own.includes(type) ? {turn: state.turn} : {};
  return step(Object.freeze(state), {type, now, random: 0.5, ...turn, ...details[type], ...more}, defaults);
}

function reached(way) {
  let state = begin();
  let now = 1_000_000;
  for (const type of way) {
    now += 1000;
    if (type === "wake late") state = go(state, now + 2000, "wake").state;
    else state = go(state, now, type).state;
  }
  return {state, now: now + (way.includes("wake late") ? 2000 : 0)};
}

// Each cell: the state afterwards and the effects; a dot: the event is ignored.
const table = `
event                                      | I     | A           | C               | L            | P                 | W       | Z       | X
connect                                    | A ask | .           | .               | .            | .                 | A ask   | A ask   | A ask
disconnect                                 | I     | I drop      | I drop          | I drop       | I drop            | I       | I       | I
token {"token":"t1"}                       |       | C open      |                 |              |                   |         |         |
token {"token":null}                       |       | X drop      |                 |              |                   |         |         |
open                                       |       |             | C opened        |              |                   |         |         |
authentication                             |       |             | L               | L            | L                 |         |         |
authentication {"success":false}           |       |             | A drop ask      | A drop ask   | A drop ask        |         |         |
message                                    |       |             | .               | L            | L                 |         |         |
force_disconnect                           |       |             | X drop          | X drop       | X drop            |         |         |
closed {"verdict":"retry"}                 |       | W drop      | W drop          | W drop       | W drop            |         |         |
closed {"verdict":"later"}                 |       |             | W drop          | W drop       | W drop            |         |         |
closed {"verdict":"token"}                 |       |             | A drop ask      | A drop ask   | A drop ask        |         |         |
closed {"verdict":"stop"}                  |       |             | X drop          | X drop       | X drop            |         |         |
clock                                      |       | W drop      | W drop          | L            | A drop ask        | A ask   |         |
stable                                     |       |             |                 | L            | P                 |         |         |
wake                                       | .     | .           | .               | .            | P                 | A ask   | .       | .
wake {"shown":true}                        | .     | .           | .               | .            | P                 | A ask   | A ask   | .
wake {"after":2999}                        | .     | .           | .               | P ping       | P                 | A ask   | .       | .
wake {"after":3000}                        | .     | .           | A drop ask      | P ping       | P                 | A ask   | .       | .
wake {"after":3000,"probe":false}          | .     | .           | A drop ask      | .            | P                 | A ask   | .       | .
wake {"after":61000,"probe":false}         | .     | .           | A drop ask      | A drop ask   | P                 | A ask   | .       | .
wake {"back":true,"shown":true}            | .     | .           | A drop ask      | A drop ask   | A drop ask        | A ask   | A ask   | .
hide                                       | .     | .           | .               | .            | .                 | .       | .       | .
suspend                                    | .     | Z drop      | Z drop          | Z drop       | Z drop            | Z       | Z       | .
`;

test("every state takes every event as the table says [JS-9] [JS-11] [JS-12]", () => {
  const [head, ...rows] = table.trim().split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  for (const [event, ...cells] of rows) {
    const [, type, json] = /^(\S+) ?(.*)$/.exec(event);
    const more = json ? JSON.parse(json) : {};
    for (const [index, cell] of cells.entries()) {
      if (!cell) continue;
      const {state, now} = reached(ways[head[index + 1]]);
      const after = go(state, now + (more.after ?? 0), type, more);
      const effects = after.effects.map(([name]) => (name === "token" ? "ask" : name));
      const came = [letter[after.state.at], ...effects].join(" ");
      assert.equal(came, cell === "." ? head[index + 1] : cell, `${event} in ${head[index + 1]}`);
    }
  }
});

test("an event of another turn changes nothing [JS-3]", () => {
  for (const [name, way] of Object.entries(ways)) {
    const {state, now} = reached(way);
    for (const type of own) {
      const after = step(state, {type, now, turn: state.turn - 1, ...details[type]}, defaults);
      assert.equal(after.state, state, `${type} in ${name}`);
      assert.deepEqual(after.effects, []);
    }
  }
});

test("fifty wake-ups in a second make one attempt [JS-11]", () => {
  let {state, now} = reached(ways.W);
  let attempts = 0;
  for (let n = 0; n < 50; n += 1) {
    const woken = go(state, now + n * 20, "wake");
    state = woken.state;
    attempts += woken.effects.length;
    if (state.at === "token") state = go(state, now + n * 20, "closed").state;
  }
  assert.equal(attempts, 1);
});

test("a timer that comes ten minutes late asks again and does not judge [JS-16] [JS-21]", () => {
  const {state, now} = reached(ways.P);
  const late = go(state, now + 600_000, "clock");
  assert.deepEqual([late.state.at, late.state.clock - now, late.effects], ["probing", 605_000, [["ping"]]]);
  const answered = go(late.state, now + 600_500, "message").state;
  assert.equal(answered.at, "live");
  // A hidden tab whose timers fire once a minute: it asks each time, and no answer is ever too late.
  let {state: hidden, now: minute} = reached(ways.L);
  for (let round = 0; round < 20; round += 1) {
    minute += 60_000;
    const asked = go(hidden, minute, "clock", {hidden: true});
    assert.deepEqual(asked.effects, [["ping"]]);
    hidden = go(asked.state, minute + 100, "message", {hidden: true}).state;
    assert.equal(hidden.at, "live");
  }
});

test("the silence clock is set from messages, and looks at the last one when it fires [JS-15]", () => {
  let {state, now} = reached(ways.L);
  const set = state.clock;
  state = go(state, now + 900, "message").state;
  assert.equal(state.clock, set);
  state = go(state, now + 1500, "message").state;
  assert.equal(state.clock, now + 21_500);
  state = go(state, now + 2000, "message").state;
  const fired = go(state, now + 21_500, "clock");
  assert.deepEqual([fired.state.at, fired.state.clock, fired.effects], ["live", now + 22_000, []]);
  // The wall clock was set back an hour: the silence does not last an hour longer.
  const back = go(state, now - 3_600_000, "clock").state;
  assert.equal(back.clock, now - 3_600_000 + 20_000);
});

test("the first retry comes within a second, half a second on average [JS-6]", () => {
  let sum = 0;
  for (let n = 0; n < 10_000; n += 1) {
    const wait = delay(0, false, Math.random(), defaults);
    assert.ok(wait >= 0 && wait < 1000);
    sum += wait;
  }
  assert.ok(Math.abs(sum / 10_000 - 500) < 25, `mean ${sum / 10_000}`);
});

test("a server that is away for 2 seconds has 99 of 100 clients back within 10 seconds, and all within 30 [JS-61]", () => {
  const random = randomOf(61);
  let soon = 0;
  for (let round = 0; round < 100; round += 1) {
    const back = Array.from({length: 100}, () => {
      let at = 0;
      for (let n = 0; at < 2000; n += 1) at += delay(n, false, random(), defaults);
      return at - 2000;
    });
    const most = Math.max(...back.map((from) => back.filter((at) => at >= from && at < from + 100).length));
    assert.ok(most <= 30, `${most} of 100 in 100 ms`);
    assert.ok(Math.max(...back) <= 30_000);
    soon += back.filter((at) => at <= 10_000).length;
  }
  assert.ok(soon >= 9900, `${soon} of 10,000 within 10 seconds`);
});

test("a hidden page waits up to two minutes, others half a minute [FE-8] [JS-12]", () => {
  assert.deepEqual([0, 1, 4, 5, 50].map((n) => delay(n, false, 1, defaults)), [1000, 2000, 16_000, 30_000, 30_000]);
  assert.deepEqual([5, 6, 7, 50].map((n) => delay(n, true, 1, defaults)), [32_000, 64_000, 120_000, 120_000]);
});

test("a delay in a reason is clamped or ignored [JS-8]", () => {
  const cases = {"retry_after_ms=3410": 3410, "x retry_after_ms=0": 0, "retry_after_ms=1e12": 1, "retry_after_ms=999999999999": 300_000,
    "retry_after_ms=-1": null, "retry_after_ms=": null, "retry_after_ms=x": null, "": null, "no_retry_after_ms=7": null};
  for (const [reason, wait] of Object.entries(cases)) assert.equal(retryAfter(reason, 0), wait, reason);
  assert.equal(retryAfter("retry_after_ms=1000", 1), 1100);
  assert.equal(verdict(1013), "later");
});

// --- A million steps

function randomOf(seed) {
  return () => {  // mulberry32
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/// A line of timers that the test fires in any order, also late.
class Driven extends FakeWorld {
  fireOne(random) {
    for (const [id, timer] of this.timers) {
      if (timer.due > this.Date.now() || random() < 0.3) continue;
      this.timers.delete(id);
      timer.call();
      return;
    }
  }
}

test("a million random steps keep the invariants [JS-63] [JS-2] [JS-54]", () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  const random = randomOf(seed);
  const world = new Driven();
  const pick = (list) => list[Math.floor(random() * list.length)];
  world.Math.random = random;
  let calls = [];
  const options = {
    url: "/", classify: () => pick(["retry", "retry", "later", "token", "stop"]),
    // A thenable that the test settles by hand, so that a million steps need no million turns of the event loop.
    token: undefined,
  };
  let connection;
  const nothing = () => {};
  const made = () => {
    const to = {opened: nothing, live: nothing, lost: nothing, question: () => (random() < 0.5 ? {page: "p"} : undefined),
      hear: nothing, changed: nothing, report: nothing};
    return createConnection(options, world, {...defaults, pauseHiddenAfter: 60_000}, to);
  };
  connection = made();
  const {dispatch, state} = connection;
  const messages = ["message", "message", "message", "force_disconnect", "authentication", "authentication"];
  const acts = {
    connect: () => dispatch({type: "connect", reconnect: random() < 0.9, anonymous: random() < 0.1}),
    disconnect: () => random() < 0.2 && dispatch({type: "disconnect"}),
    token() {
      if (state().at !== "token") return;
      if (random() < 0.15) dispatch({type: "closed", turn: state().turn});
      else dispatch({type: "token", turn: state().turn, token: pick(["t1", "t2", "t3", "t4", null])});
    },
    open: () => world.sockets.length && world.socket.readyState === 0 && world.socket.accept(),
    close: () => world.sockets.length && world.socket.end(pick([1000, 1006, 1012])),
    message: () => dispatch({type: pick(messages), turn: state().turn - (random() < 0.1), success: random() < 0.8,
      heartbeat: pick([0, 20_000])}),
    time: () => world.sleep(pick([1, 10, 100, 1000, 5000, 20_000, 60_000, random() < 0.1 ? -3_600_000 : 0])),
    timer: () => world.fireOne(random),
    wake: () => world.fire(pick(["online", "focus", "offline", "resume", "pageshow", "freeze", "pagehide"]), {persisted: random() < 0.5}),
    hide: () => world.hide(random() < 0.5),
  };
  const names = Object.keys(acts).concat("token", "token", "open", "message", "message", "timer", "timer", "timer", "connect");
  const seen = {};
  for (let n = 0; n < 1_000_000; n += 1) {
    const before = state();
    const name = pick(names);
    if (name === "message" && !before.open) continue;
    acts[name]();
    const after = state();
    const told = () => `seed ${seed}, step ${n}: ${name}: ${JSON.stringify(before)} became ${JSON.stringify(after)}`;
    seen[after.at] = (seen[after.at] ?? 0) + 1;
    const linked = after.at === "connecting" || after.at === "live" || after.at === "probing";
    const open = world.sockets.reduce((sum, {readyState}) => sum + (readyState !== 3), 0);
    // I1: a clock runs that ends every state but those that only somebody else ends; live it is the server's heartbeat.
    const clocked = after.at === "token" || after.at === "connecting" || after.at === "probing" || after.at === "waiting" ||
      (after.at === "live" && after.heartbeat > 0);
    const resting = after.at === "idle" || after.at === "stopped";
    if (clocked && !(after.clock && world.timers.size)) assert.fail(`I1: ${told()}`);
    // I2: one socket, if any.
    if (open !== (linked ? 1 : 0)) assert.fail(`I2, ${open} sockets: ${told()}`);
    // I3: at rest there is no timer and no listener.
    if (resting && world.timers.size + world.listening > 0) assert.fail(`I3: ${told()}`);
    if (world.timers.size > 3) assert.fail(`timers pile up: ${told()}`);
    // I4: the back-off begins anew only after a stable connection, or by the user.
    if (after.waits < before.waits && !["timer", "connect", "disconnect"].includes(name)) assert.fail(`I4: ${told()}`);
    if (world.sockets.length > 4) world.sockets.splice(0, 3);
  }
  assert.deepEqual(Object.keys(seen).sort(), Object.values(letters).sort());
});
