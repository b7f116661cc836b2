// SPDX-License-Identifier: MIT
// For tests of applications and of the client itself: a world with a clock moved by hand and sockets whose server is
// the test.
//
//     const world = new FakeWorld();
//     const realtime = new Realtime({url: "/ws/core/", token: "t", world});
//     realtime.connect();
//     await world.settle();
//     world.socket.authenticate();
//     world.socket.say({type: "rows_updated", rows: []});
//     await world.advance(1000);

/** One socket of the client, seen from the server. */
export class FakeSocket {
  /** 0 connecting, 1 open, 3 closed: as in a browser. */
  readyState = 0;
  /** What the client sent and nobody took. @type {any[]} */
  sent = [];
  /** How the client closed it. @type {number | null | undefined} */
  closedWith = undefined;
  /** @type {any} */ onopen = null;
  /** @type {any} */ onmessage = null;
  /** @type {any} */ onclose = null;
  /** @type {any} */ onerror = null;

  /** @param {string} url @param {string[]} [protocols] */
  constructor(url, protocols) {
    this.url = url;
    this.protocols = protocols;
  }

  // --- The client's side

  /** @param {string} text */
  send(text) {
    if (this.readyState === 0) throw new Error("InvalidStateError");
    if (this.readyState === 1) this.sent.push(JSON.parse(text));
  }

  /** @param {number} [code] */
  close(code) {
    if (this.readyState === 3) return;
    this.closedWith = code ?? null;
    this.readyState = 3;
  }

  // --- The server's side

  accept() {
    this.readyState = 1;
    this.onopen?.({});
  }

  /** Any message; a text goes as it is. @param {any} message */
  say(message) {
    this.onmessage?.({data: typeof message === "string" ? message : JSON.stringify(message)});
  }

  /** Accepts if need be, and answers the token. @param {object} [more] */
  authenticate(more = {}) {
    if (this.readyState === 0) this.accept();
    this.say({type: "authentication", success: true, web_socket_id: "a1", ...more});
  }

  /** @param {number} [code] 1006: the line broke. @param {string} [reason] */
  end(code = 1006, reason = "") {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onerror?.({});
    this.onclose?.({code, reason});
  }

  /** All frames that the client sent since the last call. */
  take() {
    return this.sent.splice(0);
  }
}

class Listened {
  /** @type {Map<string, Set<(event: any) => void>>} */
  #listeners = new Map();

  /** @param {string} type @param {(event: any) => void} listener */
  addEventListener = (type, listener) => {
    this.#listeners.set(type, (this.#listeners.get(type) ?? new Set()).add(listener));
  };

  /** @param {string} type @param {(event: any) => void} listener */
  removeEventListener = (type, listener) => {
    this.#listeners.get(type)?.delete(listener);
  };

  /** @param {any} event */
  fire(event) {
    for (const listener of [...(this.#listeners.get(event.type) ?? [])]) listener(event);
  }

  get listeners() {
    return [...this.#listeners.values()].reduce((sum, {size}) => sum + size, 0);
  }
}

/** Stands in for globalThis: the option `world` of Realtime. */
export class FakeWorld extends Listened {
  /** @type {FakeSocket[]} */
  sockets = [];
  /** @type {Map<number, {due: number, call: () => void}>} */
  timers = new Map();
  #now;
  #last = 0;
  #randoms;
  #drawn = 0;

  /**
   * @param {object} [options]
   * @param {number} [options.now]
   * @param {readonly number[]} [options.random] What Math.random() returns, again and again.
   * @param {string} [options.href] The page's address.
   */
  constructor({now = 1_000_000_000_000, random = [0.5], href = "https://example.org/"} = {}) {
    super();
    this.#now = now;
    this.#randoms = random;
    this.location = {href};
    this.document = Object.assign(new Listened(), {hidden: false});
    const {sockets} = this;
    this.WebSocket = class extends FakeSocket {
      /** @param {string} url @param {string[]} [protocols] */
      constructor(url, protocols) {
        super(url, protocols);
        sockets.push(this);
      }
    };
  }

  Date = {now: () => this.#now};
  Math = {random: () => this.#randoms[this.#drawn++ % this.#randoms.length]};

  /** @param {() => void} call @param {number} wait */
  setTimeout = (call, wait) => {
    this.timers.set(++this.#last, {due: this.#now + wait, call});
    return this.#last;
  };

  /** @param {number} timer */
  clearTimeout = (timer) => {
    this.timers.delete(timer);
  };

  /** The newest socket. */
  get socket() {
    const socket = this.sockets[this.sockets.length - 1];
    if (!socket) throw new Error("the client opened no socket");
    return socket;
  }

  /** Everything that is due has run. */
  async settle() {
    for (let round = 0; round < 8; round += 1) await null;
  }

  /** Moves the clock and runs the timers in their order. @param {number} milliseconds */
  async advance(milliseconds) {
    const end = this.#now + milliseconds;
    for (;;) {
      await this.settle();
      const [id, timer] = [...this.timers].sort(([, a], [, b]) => a.due - b.due)[0] ?? [0, null];
      if (!timer || timer.due > end) break;
      this.timers.delete(id);
      this.#now = Math.max(this.#now, timer.due);
      timer.call();
    }
    this.#now = end;
    await this.settle();
  }

  /** The clock jumps without running anything, as when the machine sleeps. @param {number} milliseconds */
  sleep(milliseconds) {
    this.#now += milliseconds;
  }

  /** A browser's event: online, focus, pageshow, pagehide, freeze, resume. @param {string} type @param {object} [more] */
  fire(type, more = {}) {
    super.fire({type, ...more});
    this.document.fire({type, ...more});
  }

  /** @param {boolean} hidden */
  hide(hidden) {
    this.document.hidden = hidden;
    this.document.fire({type: "visibilitychange"});
  }

  /** Listeners that were not removed. */
  get listening() {
    return this.listeners + this.document.listeners;
  }
}
