// SPDX-License-Identifier: MIT
// The machine, run on a real socket and real timers.
import {retryAfter, verdict} from "./backoff.js";
import {address, watch} from "./environment.js";
import {begin, step} from "./machine.js";

/** @typedef {import("../index.js").Status} Status */

const clocks = /** @type {const} */ (["clock", "stable", "pause"]);
/** @type {Record<string, Status["name"]>} */
const names = {token: "connecting", probing: "live"};

/**
 * @param {import("../index.js").Options} options
 * @param {import("../index.js").Environment} world
 * @param {import("../index.js").Limits} limits
 * @param {object} to
 * @param {() => void} to.opened
 * @param {() => void} to.live
 * @param {() => void} to.lost
 * @param {() => object | undefined} to.question
 * @param {(data: any, turn: number) => void} to.hear
 * @param {() => void} to.changed
 * @param {(error: unknown) => void} to.report
 */
export const createConnection = (options, world, limits, to) => {
  const {url, token, protocols, accepts = "ping,page_error,gaps,revoked", classify} = options;
  let state = begin();
  /** @type {Status} */
  let status = {name: "idle", why: null, until: null};
  /** @type {any} */
  let socket = null;
  /** @type {AbortController | undefined} */
  let asking;
  /** @type {Record<string, any>} */
  const timers = {};
  /** @type {(() => void) | undefined} */
  let unwatch;

  /** @param {object | undefined} frame */
  const send = (frame) => frame && socket?.send(JSON.stringify(frame));

  /** @type {Record<string, (value: any, turn: number) => void>} */
  const effects = {
    token(rejected, turn) {
      const {signal} = (asking = new AbortController());
      Promise.resolve()
        .then(() => (typeof token === "function" ? token({rejected, signal}) : token))
        // No `token` among the options: none in the address.
        .then((given = token === undefined ? "" : null) => dispatch({type: "token", turn, token: given}))
        .catch((error) => { // of token(), or of the socket's constructor
          if (!signal.aborted) to.report(error);
          dispatch({type: "closed", turn});
        });
    },
    open(given, turn) {
      const named = protocols?.(given);
      socket = new (options.WebSocket ?? world.WebSocket)(address(url, world.location?.href, named ? "" : given, accepts), named);
      socket.onopen = () => dispatch({type: "open", turn});
      socket.onmessage = (/** @type {{data: any}} */ {data}) => turn === state.turn && to.hear(data, turn);
      socket.onerror = () => {}; // `ws` throws without it; a close follows
      socket.onclose = (/** @type {{code: number, reason: string}} */ {code, reason}) => dispatch({
        type: "closed", turn, after: retryAfter(reason, world.Math.random()),
        verdict: classify?.(code, reason) ?? verdict(code),
      });
    },
    opened: to.opened,
    ping: () => send(state.heartbeat ? {type: "ping"} : to.question()),
    // After close() a silent line needs a minute to report its end (Chromium), so nobody waits for it.
    drop(code) {
      asking?.abort();
      if (!socket) return;
      socket.close(code); // what it still reports is of another turn
      socket = null;
      to.lost();
    },
  };

  /** @param {Omit<import("./machine.js").Event, "now" | "random">} event */
  const dispatch = (event) => {
    const before = state;
    const next = step(before, {now: world.Date.now(), random: world.Math.random(), hidden: world.document?.hidden, ...event}, limits);
    state = next.state;
    for (const name of clocks) {
      const due = state[name];
      if (due === before[name] && (!due || timers[name])) continue;
      world.clearTimeout(timers[name]);
      timers[name] = due && world.setTimeout(() => {
        timers[name] = 0;
        dispatch({type: name});
      }, Math.max(0, due - world.Date.now()));
    }
    if (state.at === "idle" || state.at === "stopped") {
      unwatch?.();
      unwatch = undefined;
    }
    else unwatch ??= watch(world, (type, how) => dispatch({type, ...how, probe: state.heartbeat || to.question()}));
    // What a handler does meanwhile may have left this turn behind.
    const {turn} = state;
    for (const [name, value] of next.effects) if (name === "drop" || turn === state.turn) effects[name](value, turn);
    const {at, why, clock} = state;
    const name = names[at] ?? at;
    const until = at === "waiting" ? clock : null;
    if (name === status.name && why === status.why && until === status.until) return;
    status = {name, why, until};
    if (name === "live") to.live();
    to.changed();
  };

  return {
    dispatch,
    send,
    state: () => state,
    status: () => status,
  };
};
