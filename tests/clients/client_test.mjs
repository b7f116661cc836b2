// SPDX-License-Identifier: MIT
// The client on a fake world: what the scenarios do not show.
// Starts no program of the build.
import assert from "node:assert/strict";
import test from "node:test";
import {events} from "../../clients/js/src/events.js";
import {RealTimeHandler, Realtime} from "../../clients/js/src/index.js";
import {FakeWorld} from "../../clients/js/src/testing.js";
import {live, start} from "./support/started.mjs";

// --- Connecting

test("urls of every kind become the socket's address [JS-5] [FE-4]", async () => {
  const cases = [
    ["/ws/core/", "https://example.org/table/7?x=1#y", "wss://example.org/ws/core/?jwt_token=t"],
    ["core/", "http://example.org:8000/ws/", "ws://example.org:8000/ws/core/?jwt_token=t"],
    ["http://[::1]:9000/ws/core/", "https://example.org/", "ws://[::1]:9000/ws/core/?jwt_token=t"],
    ["wss://other.example/ws/core/", "https://example.org/", "wss://other.example/ws/core/?jwt_token=t"],
    ["/ws/core/?room=7", "https://example.org/", "wss://example.org/ws/core/?jwt_token=t&room=7"],
  ];
  for (const [url, href, address] of cases) {
    const {world, realtime} = start({url, accepts: []}, {href});
    realtime.connect();
    await world.settle();
    assert.equal(world.socket.url, address);
  }
});

test("a token is percent-encoded [JS-46]", async () => {
  const token = "a&b+c%d/é=";
  const {world, realtime} = start({token});
  realtime.connect();
  await world.settle();
  assert.ok(world.socket.url.includes("jwt_token=a%26b%2Bc%25d%2F%C3%A9%3D&"), world.socket.url);
  assert.equal(new URL(world.socket.url).searchParams.get("jwt_token"), token);
});

test("a token may travel as a subprotocol, and is then not in the address", async () => {
  const {world, realtime} = start({protocols: (token) => ["sluice", token]});
  realtime.connect();
  await world.settle();
  assert.deepEqual(world.socket.protocols, ["sluice", "t"]);
  assert.ok(!world.socket.url.includes("jwt_token"));
});

test("a socket that opens and is not authenticated in 10 seconds is dropped [JS-2]", async () => {
  const {world, realtime} = start();
  realtime.connect();
  await world.settle();
  world.socket.accept();
  await world.advance(9999);
  assert.equal(world.socket.readyState, 1);
  await world.advance(1);
  assert.equal(world.socket.readyState, 3);
  assert.equal(realtime.status.name, "waiting");
});

test("a handshake that hangs is dropped after 10 seconds [JS-1]", async () => {
  const {world, realtime} = start();
  realtime.connect();
  await world.advance(10_000);
  assert.equal(world.socket.readyState, 3);
  assert.equal(realtime.status.until, world.Date.now() + 500);
});

test("events of a dropped socket change nothing, in ten thousand random orders [JS-3]", async () => {
  const {world, realtime} = await live();
  const heard = [];
  realtime.on("x", (message) => heard.push(message));
  for (let n = 0; n < 10_000; n += 1) {
    const old = world.socket;
    const {onopen, onmessage, onclose} = old;
    realtime.disconnect();
    realtime.connect();
    await null; await null; await null; await null;
    for (const event of [0, 1, 2, 3].sort(() => Math.random() - 0.5)) {
      if (event === 0) onopen?.({});
      if (event === 1) onmessage?.({data: '{"type":"x"}'});
      if (event === 2) onclose?.({code: 1006, reason: ""});
      if (event === 3) onmessage?.({data: '{"type":"force_disconnect"}'});
    }
    assert.equal(realtime.status.name, "connecting");
    world.socket.authenticate();
    assert.equal(realtime.status.name, "live");
    world.sockets.splice(0, world.sockets.length - 1);
  }
  assert.deepEqual(heard, []);
});

test("a class that cannot be constructed is an error of an attempt, not of connect", async () => {
  const {world, realtime, errors} = start({url: "http://[nonsense/"});
  realtime.connect();
  await world.settle();
  assert.equal(realtime.status.name, "waiting");
  assert.equal(errors.length, 1);
});

test("server rendering: connect without a WebSocket class does nothing", async () => {
  const {world, realtime} = start();
  world.WebSocket = undefined;
  realtime.connect();
  await world.settle();
  assert.deepEqual([realtime.status.name, world.timers.size, world.listening], ["idle", 0, 0]);
});

test("Baserow's names are there [FE-18]", () => {
  assert.equal(RealTimeHandler, Realtime);
  const {realtime} = start();
  for (const name of ["registerEvent", "subscribe", "unsubscribe", "connect", "disconnect"]) assert.equal(typeof realtime[name], "function");
  for (const name of ["connected", "attempts", "pages"]) assert.notEqual(realtime[name], undefined);
});

test("a page hidden for longer than pauseHiddenAfter closes its socket, and is back when it is shown [JS-12]", async () => {
  const {world, realtime} = await live({limits: {pauseHiddenAfter: 60_000}}, 0);
  world.hide(true);
  await world.advance(59_999);
  assert.equal(realtime.status.name, "live");
  world.hide(false);
  world.hide(true);
  await world.advance(60_000);
  assert.deepEqual([realtime.status.name, world.socket.closedWith], ["suspended", 1000]);
  world.fire("online");
  await world.settle();
  assert.equal(realtime.status.name, "suspended");
  world.hide(false);
  await world.settle();
  assert.equal(realtime.status.name, "connecting");
});

// --- Handlers

test("handlers added or removed during a dispatch: from the next on, at once [JS-48]", async () => {
  const {world, realtime} = await live();
  const heard = [];
  const undo = {};
  realtime.on("x", () => {
    heard.push("a");
    undo.b();
    realtime.on("x", () => heard.push("late"));
  });
  undo.b = realtime.on("x", () => heard.push("b"));
  realtime.on("x", () => heard.push("c"));
  world.socket.say({type: "x"});
  assert.deepEqual(heard.splice(0), ["a", "c"]);
  world.socket.say({type: "x"});
  assert.deepEqual(heard, ["a", "c", "late"]);
});

test("an undo twice is one, off takes one off, once hears one [JS-49]", async () => {
  const {world, realtime} = await live();
  const heard = [];
  const handler = () => heard.push("h");
  const undo = realtime.on("x", handler);
  realtime.on("x", handler);
  undo();
  undo();
  realtime.once("x", () => heard.push("once"));
  world.socket.say({type: "x"});
  realtime.off("x", handler);
  realtime.off("x", handler);
  realtime.off("y", handler);
  world.socket.say({type: "x"});
  assert.deepEqual(heard, ["h", "once"]);
});

test("a signal takes a handler off [JS-50]", async () => {
  const {world, realtime} = await live();
  const heard = [];
  const ending = new AbortController();
  realtime.on("x", () => heard.push("x"), {signal: ending.signal});
  realtime.on("x", () => heard.push("never"), {signal: AbortSignal.abort()});
  realtime.onStatus(() => heard.push("status"), {signal: ending.signal});
  world.socket.say({type: "x"});
  ending.abort();
  world.socket.say({type: "x"});
  world.socket.end();
  assert.deepEqual(heard, ["x"]);
});

test("a handler of the status that changes it: the others hear the last one", async () => {
  const {world, realtime} = await live();
  const heard = [];
  realtime.onStatus(({name}) => name === "waiting" && realtime.disconnect());
  realtime.onStatus(({name}) => heard.push(name));
  world.socket.end();
  assert.equal(heard.at(-1), "idle");
});

test("an iterator hears all, ends with its signal and with dispose, and throws where it lost one [JS-52]", async () => {
  const {world, realtime} = await live();
  const ending = new AbortController();
  const first = events(realtime, "x", {signal: ending.signal});
  world.socket.say({type: "x", n: 1});
  world.socket.say({type: "x", n: 2});
  const heard = [];
  for await (const {n} of first) {
    heard.push(n);
    if (n === 2) ending.abort();
  }
  assert.deepEqual(heard, [1, 2]);
  const second = events(realtime, "x");
  for (let n = 0; n < 1001; n += 1) world.socket.say({type: "x", n});
  let count = 0;
  await assert.rejects(async () => {
    for await (const {n} of second) assert.equal(n, count++);
  }, /events were lost/);
  assert.equal(count, 1000);
  const third = events(realtime, "x").next();
  realtime.dispose();
  assert.deepEqual(await third, {done: true, value: undefined});
  assert.deepEqual(await events(realtime, "x", {signal: AbortSignal.abort()}).next(), {done: true, value: undefined});
});

// --- Ends

test("nothing grows: subscriptions, handlers and connections made and ended ten thousand times [JS-53]", async () => {
  const {world, realtime} = await live();
  const lasting = new AbortController();
  let listeners = 0;
  const {addEventListener, removeEventListener} = lasting.signal;
  lasting.signal.addEventListener = function (...given) { listeners += 1; addEventListener.apply(this, given); };
  lasting.signal.removeEventListener = function (...given) { listeners -= 1; removeEventListener.apply(this, given); };
  const {signal} = lasting;
  for (let n = 0; n < 10_000; n += 1) {
    const page = realtime.subscribe("table", {table_id: n}, {signal, load() {}});
    const undo = realtime.on(`type ${n}`, () => {}, {signal});
    page.unsubscribe();
    undo();
    if (n % 10 === 0) {
      realtime.disconnect();
      realtime.connect();
      await world.settle();
      world.socket.authenticate();
      world.sockets.splice(0, world.sockets.length - 1);
    }
  }
  assert.ok(listeners <= 0, `${listeners} listeners on the signal`);
  realtime.disconnect();
  assert.deepEqual([realtime.pages.length, world.timers.size, world.listening], [0, 0, 0]);
});

test("dispose in every state, also inside a handler, leaves nothing [JS-54]", async () => {
  const states = {
    idle() {},
    connecting: ({realtime}) => realtime.connect(),
    open: async ({realtime, world}) => {
      realtime.connect();
      await world.settle();
      world.socket.accept();
    },
    live: async ({realtime, world}) => {
      realtime.connect();
      await world.settle();
      world.socket.authenticate();
    },
    handler: async ({realtime, world}) => {
      realtime.on("x", () => realtime.dispose());
      realtime.connect();
      await world.settle();
      world.socket.authenticate();
      world.socket.say({type: "x"});
    },
    "handler of the end": async ({realtime, world}) => {
      realtime.on("force_disconnect", () => realtime.dispose());
      realtime.connect();
      await world.settle();
      world.socket.authenticate();
      world.socket.say({type: "force_disconnect"});
    },
    "handler of the status": async ({realtime, world}) => {
      realtime.onStatus(({name}) => name === "live" && realtime.dispose());
      realtime.connect();
      await world.settle();
      world.socket.authenticate();
    },
    waiting: async ({realtime, world}) => {
      realtime.connect();
      await world.settle();
      world.socket.end();
    },
    suspended: async ({realtime, world}) => {
      realtime.connect();
      await world.settle();
      world.fire("freeze");
    },
  };
  for (const [name, reach] of Object.entries(states)) {
    const started = start();
    const page = started.realtime.subscribe("table", {table_id: 1}, {load: () => new Promise(() => {})});
    await reach(started);
    const {realtime, world} = started;
    realtime.dispose();
    await world.advance(600_000);
    assert.deepEqual([realtime.status.name, page.state, realtime.pages, world.timers.size, world.listening],
      ["idle", "removed", [], 0, 0], name);
    assert.ok(world.sockets.every(({readyState}) => readyState === 3), name);
    await assert.rejects(page.ready(), /disposed/);
  }
});

test("retained twice and released twice: one connection, ended a second later [JS-53]", async () => {
  const {world, realtime} = start();
  const [first, second] = [realtime.retain(), realtime.retain()];
  await world.settle();
  world.socket.authenticate();
  first();
  first();
  await world.advance(5000);
  assert.equal(realtime.status.name, "live");
  second();
  await world.advance(500);
  const third = realtime.retain();
  await world.advance(5000);
  assert.deepEqual([realtime.status.name, world.sockets.length], ["live", 1]);
  third();
  await world.advance(1000);
  assert.deepEqual([realtime.status.name, world.timers.size], ["idle", 0]);
});

test("two clients in one page do not meet [JS-60]", async () => {
  const world = new FakeWorld();
  const [one, two] = ["a", "b"].map((token) => new Realtime({url: "/ws/core/", token, world}));
  const heard = [];
  one.on("x", () => heard.push("one"));
  two.on("x", () => heard.push("two"));
  one.subscribe("table", {table_id: 1});
  one.connect();
  two.connect();
  await world.settle();
  assert.equal(world.sockets.length, 2);
  for (const socket of world.sockets) socket.authenticate();
  world.sockets[1].say({type: "x"});
  assert.deepEqual([heard, two.pages, world.sockets[1].take()], [["two"], [], []]);
  one.dispose();
  assert.equal(two.status.name, "live");
  two.dispose();
  assert.equal(world.listening, 0);
});

test("importing has no effects, also where globals are frozen [JS-69]", async () => {
  const {execFileSync} = await import("node:child_process");
  const folder = new URL("../../clients/js/src/", import.meta.url).href;
  const script = `
    const names = ["index", "events", "testing"];
    const before = Object.getOwnPropertyNames(globalThis).length;
    for (const name of ["setTimeout", "setInterval", "WebSocket", "fetch", "addEventListener"]) {
      Object.defineProperty(globalThis, name, {get() { throw new Error(name + " was touched"); }});
    }
    const added = Object.getOwnPropertyNames(globalThis).length;
    Object.freeze(globalThis);
    for (const name of names) await import(${JSON.stringify(folder)} + name + ".js");
    if (Object.getOwnPropertyNames(globalThis).length !== added) throw new Error("a global was made");
    process.stdout.write("fine");`;
  assert.equal(execFileSync(process.execPath, ["--input-type=module", "-e", script], {encoding: "utf8"}), "fine");
});
