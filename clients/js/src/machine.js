// SPDX-License-Identifier: MIT
// The connection's life without a socket, a clock or a DOM: step(state, event) returns the next state and what to do.
//
// idle      no connection is wanted
// token     the application is asked for a token
// connecting  from the handshake to `authentication`
// live, probing  authenticated; probing: a ping is not answered yet
// waiting   for a retry
// suspended  the page is frozen, in the back/forward cache, or was hidden for too long
// stopped   a person or a new token is needed
//
// `turn` numbers token calls and sockets. Whatever belongs to another turn is ignored, so a dropped socket needs no
// goodbye. `clock`, `stable` and `pause` are the times at which the driver sends an event of that name; 0: never.
import {connectTime, delay, lateTime, pongTime, stableTime, tokenTime, wakePongTime} from "./backoff.js";

/** @typedef {import("../index.js").Limits} Limits */
/** @typedef {"idle"|"token"|"connecting"|"live"|"probing"|"waiting"|"suspended"|"stopped"} At */
/**
 * @typedef {object} State
 * @property {At} at
 * @property {import("../index.js").StopReason | null} why Why it stopped.
 * @property {number} turn
 * @property {boolean} [reconnect]
 * @property {boolean} [anonymous] Without a token it connects as a guest.
 * @property {number} waits Waits since the last stable connection.
 * @property {string | null} token The token of the current or last connection.
 * @property {string | null} rejected What the next call for a token is told of.
 * @property {string | null} [barred] A token that the server itself rejected: the same one again stops the machine.
 * @property {boolean} [refused] The retry after a rejection is used up, until a connection is stable.
 * @property {number} unopened Handshakes in a row that failed.
 * @property {boolean} [open] The socket is open.
 * @property {number} began When the token call or the handshake began.
 * @property {number} heard When the last message came.
 * @property {number} heartbeat How long silence may last before a ping; 0: the server knows no ping.
 * @property {number} clock
 * @property {number} stable
 * @property {number} pause
 */
/**
 * @typedef {object} Event
 * @property {string} type
 * @property {number} now
 * @property {number} random From 0 to 1.
 * @property {boolean} [hidden] Whether the page is hidden.
 * @property {number} [turn] Of the token call or socket that it comes from.
 * @property {string | null} [token]
 * @property {import("../index.js").Verdict} [verdict]
 * @property {number | null} [after] The delay that the server asked for.
 * @property {boolean} [success] Of `authentication`.
 * @property {number} [heartbeat] Of `authentication`, in milliseconds.
 * @property {unknown} [probe] Whether there is something to ask the server, so that it must answer.
 * @property {boolean} [back] A wake-up from the back/forward cache: the socket did not survive.
 * @property {boolean} [shown] A wake-up that shows the page to somebody.
 * @property {boolean} [reconnect]
 * @property {boolean} [anonymous]
 */
/** @typedef {["token"|"open"|"opened"|"drop"|"ping", (string | number | null)?]} Effect */

/** @returns {State} */
export const begin = () => ({
  at: "idle", why: null, turn: 0, waits: 0, token: null, rejected: null, unopened: 0, began: 0, heard: 0, heartbeat: 0, clock: 0, stable: 0, pause: 0,
});

/**
 * The state is not changed, a new one is returned.
 * @param {State} before @param {Event} event @param {Limits} limits @returns {{state: State, effects: Effect[]}}
 */
export function step(before, event, limits) {
  const s = {...before};
  /** @type {Effect[]} */
  const effects = [];
  const {now, hidden, random} = event;
  const linked = s.at === "live" || s.at === "probing";
  const socket = linked || s.at === "connecting";

  /** The current socket or token call is of the past. @param {number} [code] */
  const leave = (code) => {
    if (socket || s.at === "token") effects.push(["drop", code]);
    s.turn += 1;
    s.open = false;
    s.clock = s.stable = 0;
  };
  /** @param {At} at @param {number} time After which the clock fires. */
  const enter = (at, time) => {
    s.at = at;
    s.clock = now + time;
  };
  /** The back-off and the retry of a rejected token begin anew. */
  const refresh = () => {
    s.waits = 0;
    s.refused = false;
  };
  /** @param {At} at @param {State["why"]} [why] @param {number} [code] */
  const rest = (at, why = null, code) => {
    leave(code);
    s.at = at;
    s.why = why;
    s.pause = 0;
  };
  const ask = () => {
    leave();
    enter("token", tokenTime);
    s.why = null;
    s.began = now;
    effects.push(["token", s.rejected]);
  };
  const again = () => (s.reconnect ? ask() : rest("idle"));
  /** @param {number | null} [after] The server's own delay. @param {boolean} [later] It is the least; the back-off counts, too. */
  const wait = (after, later) => {
    if (!s.reconnect) return rest("idle");
    leave();
    const own = delay(s.waits, hidden, random, limits);
    enter("waiting", later ? Math.max(after ?? 0, own) : after ?? own);
    s.waits += 1;
  };
  /** The server rejected the token: one retry, at once. */
  const refuse = () => {
    s.rejected = s.barred = s.token;
    if (s.refused || !s.reconnect) return rest("stopped", "token_rejected");
    s.refused = true;
    ask();
  };
  /** @param {number} patience */
  const probe = (patience) => {
    enter("probing", patience);
    effects.push(["ping"]);
  };
  /** A message came. */
  const listen = () => {
    const due = s.heartbeat && now + s.heartbeat;
    // Set from a message's handler and not only when it fires: browsers throttle timers that set themselves.
    // A message within a second of the last one leaves the clock, which looks at `heard` when it fires.
    if (before.at !== "live" || Math.abs(due - s.clock) > 1000) s.clock = due;
    s.heard = now;
    s.at = "live";
  };

  /** @type {Record<string, () => void>} */
  const on = {
    connect() {
      s.reconnect = event.reconnect ?? true;
      s.anonymous = event.anonymous;
      if (s.at === "stopped") refresh();
      if (s.at === "token" || socket) return;
      ask();
      if (hidden) on.hide();
    },
    disconnect() {
      refresh();
      rest("idle", null, 1000);
    },
    token() {
      const token = event.token || (s.anonymous ? "anonymous" : event.token ?? null);
      if (token === null || token === s.barred) return rest("stopped", "token_rejected");
      s.token = token;
      s.rejected = null;
      enter("connecting", connectTime);
      s.began = now;
      effects.push(["open", token]);
    },
    open() {
      s.open = true;
      s.unopened = 0;
      s.heard = now;
      effects.push(["opened"]);
    },
    authentication() {
      if (!event.success) return refuse();
      if (!linked) s.stable = now + stableTime;
      s.heartbeat = event.heartbeat ?? 0;
      listen();
    },
    message: () => (linked ? listen() : undefined),
    force_disconnect: () => rest("stopped", "signed_out"),
    closed() {
      const {verdict, after} = event;
      // A handshake that never opened looks the same whatever its reason, a rejected token among them.
      if (s.at === "connecting" && !s.open && (s.unopened += 1) === 3) {
        s.unopened = 0;
        s.rejected = s.token;
      }
      if (verdict === "stop") return rest("stopped", "closed");
      if (verdict === "token") return refuse();
      const later = verdict === "later";
      if (later) s.waits = Math.max(s.waits, 2);
      wait(after, later);
    },
    clock() {
      if (s.at === "waiting") return ask();
      if (!linked) return on.closed();
      if (s.at === "probing") {
        // A late timer means that the machine slept, and the answer may lie in the queue behind it.
        if (now - s.clock > lateTime) return probe(wakePongTime);
        return again();
      }
      const silent = Math.max(now - s.heard, 0);
      if (silent < s.heartbeat) s.clock = now + s.heartbeat - silent;
      else probe(pongTime);
    },
    stable() {
      refresh();
      s.stable = 0;
      s.rejected = s.barred = null;
    },
    wake() {
      if (!hidden) s.pause = 0;
      if (s.at === "suspended" ? event.shown : socket && event.back) return again();
      if (s.at === "waiting" || s.at === "connecting") {
        if (now - s.began >= (s.at === "waiting" ? 1000 : 3000)) ask();
      } else if (s.at === "probing") {
        s.clock = Math.min(s.clock, now + wakePongTime);
      } else if (s.at === "live") {
        if (event.probe) {
          if (now - s.heard > 2000) probe(wakePongTime);
        } else if (now - s.heard > 60_000) again();
      }
    },
    hide() {
      if (limits.pauseHiddenAfter) s.pause = now + limits.pauseHiddenAfter;
    },
    suspend() {
      if (s.at !== "idle" && s.at !== "stopped") rest("suspended", null, 1000);
    },
  };
  on.pause = on.suspend;

  if (event.turn !== undefined && event.turn !== s.turn) return {state: before, effects};
  on[event.type]();
  return {state: s, effects};
}
