// SPDX-License-Identifier: MIT
// The address of the socket, and the events by which a page wakes up. The world that all of the client stands on is
// globalThis, or what a test puts in its place (see testing.js).

/**
 * ws or wss, the token first in the query, percent-encoded.
 * @param {string} url @param {string | undefined} base @param {string} token "" for none.
 * @param {string | readonly string[]} accepts
 */
export const address = (url, base, token, accepts) => {
  const to = new URL(url, base);
  to.protocol = to.protocol.replace("http", "ws");
  to.search = [token && "jwt_token=" + encodeURIComponent(token), to.search.slice(1),
    accepts.length && "accepts=" + accepts].filter(Boolean).join("&");
  return to.href;
};

/**
 * Calls back when the page wakes up or goes to sleep, until the returned function is called. `offline` is left alone: a
 * socket often survives it, and what was sent meanwhile arrives.
 * @param {import("../index.js").Environment} world
 * @param {(type: "wake" | "hide" | "suspend", how?: {back: boolean, shown: boolean}) => void} call
 */
export const watch = (world, call) => {
  /** @param {any} event */
  const listener = ({type, persisted}) => {
    if (type === "freeze" || type === "pagehide") call("suspend");
    else if (type[0] === "v" && world.document?.hidden) call("hide");
    else call("wake", {back: persisted, shown: type !== "online"});
  };
  /** @param {"addEventListener" | "removeEventListener"} verb */
  const each = (verb) => {
    for (const type of ["online", "focus", "pageshow", "pagehide"]) world[verb]?.(type, listener);
    for (const type of ["visibilitychange", "freeze", "resume"]) world.document?.[verb]?.(type, listener);
  };
  each("addEventListener");
  return () => each("removeEventListener");
};
