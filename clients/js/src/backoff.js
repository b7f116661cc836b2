// SPDX-License-Identifier: MIT
// How long to wait, and what a close code asks for. Pure functions, and every time of the client in milliseconds.

export const tokenTime = 10_000;
export const connectTime = 10_000; // for the handshake and `authentication`
export const stableTime = 5000; // so long live, and the back-off begins anew
export const pongTime = 10_000;
export const wakePongTime = 5000;
export const lateTime = 5000; // a timer that fires later than this woke up with the machine
export const answerTime = 10_000; // for page_add
export const lingerTime = 1000; // a page without subscribers, or a connection that nobody retains, is kept so long

/** What an application may set. @type {import("../index.js").Limits} */
export const defaults = {cap: 30_000, hiddenCap: 120_000, heldEvents: 1000, heldBytes: 5 << 20, pauseHiddenAfter: 0};

/**
 * The wait before the retry that follows `waits` others: full jitter, U(0, min(cap, base * 2^waits)).
 * @param {number} waits @param {boolean | undefined} hidden @param {number} random @param {import("../index.js").Limits} limits
 */
export const delay = (waits, hidden, random, limits) =>
  random * Math.min(hidden ? limits.hiddenCap : limits.cap, 1000 * 2 ** waits);

/**
 * The delay that a server names in the reason of its close frame, up to a tenth longer, at most 5 minutes; null
 * without one.
 * @param {string} reason @param {number} random
 */
export const retryAfter = (reason, random) => {
  const given = /\bretry_after_ms=(\d+)/.exec(reason);
  return given && Math.min(+given[1] * (1 + random / 10), 300_000);
};

/**
 * What a close code asks for. "later" is a retry that starts with longer waits.
 * @param {number} code @returns {import("../index.js").Verdict}
 */
export const verdict = (code) => {
  if (code === 4401) return "token";
  if (code === 1013) return "later";
  return [1002, 1003, 1007, 1008, 1009, 1010, 4400, 4403].includes(code) ? "stop" : "retry";
};
