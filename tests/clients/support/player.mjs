// SPDX-License-Identifier: MIT
// Plays a scenario of clients/scenarios to the JavaScript client: its server, clock and user are the file.
// clients/scenarios/README.md says what the steps mean.
import assert from "node:assert/strict";
import {Realtime} from "../../../clients/js/src/index.js";
import {FakeWorld} from "../../../clients/js/src/testing.js";

class Player {
  /** What the client did and the scenario did not name yet, by kind. */
  done = {client: [], load: [], token: [], handler: [], everything: [], errors: [], aborted: []};
  pages = new Map();
  ready = new Map();
  loads = new Map();
  ids = new Map();
  tokens = [];

  constructor({random = [0.5], options, handlers = []}) {
    const {done} = this;
    this.world = new FakeWorld({random});
    const Base = this.world.WebSocket;
    this.world.WebSocket = class extends Base {
      constructor(url, protocols) {
        super(url, protocols);
        done.client.push({opens: url});
      }
      send(text) {
        super.send(text);
        done.client.push({says: JSON.parse(text)});
      }
      close(code) {
        if (this.readyState !== 3) done.client.push({closes: code ?? null});
        super.close(code);
      }
    };
    const token = options.token === "asked" ? (asked) => this.asked(asked) : options.token;
    this.realtime = new Realtime({url: "/ws/core/", ...options, token, world: this.world, onError: (error) => done.errors.push(error)});
    for (const handler of handlers) this.handle(handler);
  }

  handle(handler) {
    const [, throws, type, context] = /^(throws )?(\S+)( with context)?$/.exec(handler);
    if (throws) this.realtime.on(type, () => { throw new Error("handler"); });
    else if (context) this.realtime.registerEvent(type, (given, message) => this.done.handler.push({...message, context: given}));
    else this.realtime.on(type, (message) => this.done.handler.push(message));
  }

  asked({rejected, signal}) {
    signal.addEventListener("abort", () => this.done.aborted.push("token"));
    this.done.token.push({rejected});
    return new Promise((resolve, reject) => this.tokens.push({resolve, reject}));
  }

  /** Nothing was done that the scenario does not name. */
  nothingElse() {
    for (const [kind, done] of Object.entries(this.done)) {
      if (kind !== "everything" && kind !== "aborted") assert.deepEqual(done, [], `unexpected: ${kind}`);
    }
  }

  bound(value) {
    if (Array.isArray(value)) return value.map((one) => this.bound(one));
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.bound(one)]));
    return typeof value === "string" && value.startsWith("$") ? `bound-${value.slice(1)}` : value;
  }

  async step(step) {
    const [[kind, value]] = Object.entries(step);
    if (["user", "server", "time", "wake"].includes(kind)) this.nothingElse();
    await this[kind](this.bound(value), step);
    await this.world.settle();
  }

  // --- What happens

  user(calls) {
    const [[verb, given]] = Object.entries(calls);
    if (verb === "subscribe") {
      const {page, parameters, as, load, holds} = given[0] ?? given;
      const made = this.realtime.subscribe(page, parameters, {holds, load: load && ((how) => this.loading(as, how))});
      this.pages.set(as, made);
    } else if (verb === "unsubscribe") {
      if (typeof given === "string") this.pages.get(given).unsubscribe();
      else this.realtime.unsubscribe(given.page, given.parameters);
    } else if (verb === "reload") this.pages.get(given).reload();
    else if (verb === "tick") for (const call of given) this.realtime[call]();
    else this.realtime[verb](...given);
  }

  loading(as, {why, signal}) {
    signal.addEventListener("abort", () => this.done.aborted.push(as));
    this.done.load.push({of: as, why});
    return new Promise((resolve, reject) => this.loads.set(as, {resolve, reject}));
  }

  server(does) {
    const {socket} = this.world;
    if (does === "accepts") socket.accept();
    else if (does.says) socket.say(does.says);
    else if (does.says_text) socket.say(does.says_text);
    else socket.end(does.closes ?? does.cuts, does.reason);
  }

  time(milliseconds) {
    return this.world.advance(milliseconds);
  }

  wake(type, {persisted = false}) {
    if (type === "visible" || type === "hidden") this.world.hide(type === "hidden");
    else this.world.fire(type, {persisted});
  }

  // --- What must have come of it

  next(kind, value) {
    if (value === "silent") return assert.deepEqual(this.done[kind], []);
    assert.notDeepEqual(this.done[kind], [], `no ${kind}; expected ${JSON.stringify(value)}`);
    return this.done[kind].shift();
  }

  client(value) {
    const came = this.next("client", value);
    if (value === "silent") return;
    if (!value.opens) return assert.deepEqual(came, value);
    assert.ok(came.opens, JSON.stringify(came));
    const {pathname, searchParams} = new URL(came.opens);
    const {path, query = {}, first} = value.opens;
    if (path) assert.equal(pathname, path);
    for (const name in query) assert.equal(searchParams.get(name), query[name]);
    if (first) assert.equal([...searchParams.keys()][0], first);
  }

  token(value) {
    if (value === "silent" || "rejected" in value) {
      const came = this.next("token", value);
      if (value !== "silent") assert.equal(came.rejected, value.rejected);
    }
    if (value === "silent") return;
    if ("gives" in value) this.tokens.pop().resolve(value.gives);
    if (value.throws) this.tokens.pop().reject(new Error("no token"));
  }

  load(value) {
    if (value === "silent" || value.why) {
      const came = this.next("load", value);
      if (value !== "silent") assert.deepEqual(came, {of: value.of, why: value.why});
    }
    if (value.ends === "ok") this.loads.get(value.of).resolve();
    if (value.ends === "throws") this.loads.get(value.of).reject(new Error("load failed"));
  }

  handler(value) {
    const came = this.next("handler", value);
    if (value !== "silent") assert.deepEqual(came, value);
  }

  everything([message, text]) {
    if (!this.watching) throw new Error("a scenario with `everything` begins to listen at its start");
    const came = this.done.everything.shift();
    assert.deepEqual([came?.[0] ?? null, text && came?.[1]], [message, text]);
  }

  errors(count) {
    assert.equal(this.done.errors.splice(0).length, count);
  }

  aborted(count) {
    assert.equal(this.done.aborted.splice(0).length, count);
  }

  async is(values) {
    const {realtime} = this;
    for (const [name, value] of Object.entries(values)) {
      if (name === "status") assert.equal(realtime.status.name, value);
      else if (name === "why") assert.equal(realtime.status.why, value);
      else if (name === "ready") for (const as in value) assert.equal(await this.howReady(as), value[as], `ready of ${as}`);
      else if (this.pages.has(name)) assert.equal(this.pages.get(name).state, value, name);
      else assert.deepEqual(realtime[name], value, name);
    }
  }

  async howReady(as) {
    let how = "pending";
    this.pages.get(as).ready().then(() => (how = "ok"), (error) => (how = error.message));
    await this.world.settle();
    return how;
  }
}

export async function play(scenario) {
  const player = new Player(scenario);
  if (scenario.steps.some((step) => step.everything)) {
    player.watching = true;
    await null;
    player.realtime.onMessage((message, text) => {
      if (message?.type !== "authentication") player.done.everything.push([message, text]);
    });
  }
  for (const [index, step] of scenario.steps.entries()) {
    try {
      await player.step(step);
    } catch (error) {
      error.message = `step ${index + 1}, ${JSON.stringify(step)}: ${error.message}`;
      throw error;
    }
  }
  player.nothingElse();
  player.realtime.dispose();
  await player.world.settle();
  assert.deepEqual({timers: player.world.timers.size, listening: player.world.listening}, {timers: 0, listening: 0});
}
