// SPDX-License-Identifier: MIT
// One subscription to a page: what subscribe() returns. Equal subscriptions are one page to the server, but each has a
// `load` of its own.

/** @typedef {import("../index.js").PageState} PageState */
/**
 * @typedef {object} Subscription What Pages does with it.
 * @property {import("../index.js").Page} handle What the application sees.
 * @property {readonly string[] | undefined} holds
 * @property {(state: PageState, error?: any) => void} enter
 * @property {(wait: number, why: import("../index.js").LoadReason) => void} later Loads after a wait.
 * @property {(answered: import("../index.js").Answered) => void} confirm The server confirmed the page.
 * @property {() => void} missed Some of its events were lost.
 * @property {() => void} lost The connection is lost.
 * @property {(state: "refused" | "discarded" | "removed", why: string) => void} end Off the list for good.
 */

/**
 * @param {string} page @param {object} parameters @param {import("../index.js").SubscribeOptions} options
 * @param {object} owner
 * @param {import("../index.js").Environment} owner.world
 * @param {(one: Subscription) => void} owner.changed
 * @param {(error: unknown) => void} owner.report
 * @param {(one: Subscription) => void} owner.remove
 * @returns {Subscription}
 */
export const createSubscription = (page, parameters, {load, holds, onState, signal}, {world, changed, report, remove}) => {
  // Whether the server confirmed it on this connection; whether its data was complete when the connection was lost, so
  // that what came later is enough; whether it was ever complete.
  let confirmed = false;
  let complete = false;
  let loadedOnce = false;
  /** @type {AbortController | undefined} */
  let run;
  /** @type {any} */
  let timer;
  /** @type {[() => void, (error: unknown) => void][]} */
  const waiting = [];

  const handle = {
    page,
    parameters,
    state: /** @type {PageState} */ ("idle"),
    /** Why it was refused, or what `load` threw. @type {any} */
    error: null,
    /** Resolves when the page is confirmed and loaded; outlives reconnects. @returns {Promise<void>} */
    ready: () => new Promise((resolve, reject) => {
      if (handle.state === "live") resolve();
      else if (handle.error) reject(handle.error);
      else waiting.push([resolve, reject]);
    }),
    /** Runs `load` again, now; a page that is not confirmed loads anyway when it is. */
    reload() {
      if (confirmed) begin("reload");
    },
    unsubscribe: () => remove(subscription),
  };

  /** Aborts a load that runs or is due. */
  const stop = () => {
    world.clearTimeout(timer);
    run?.abort();
    run = undefined;
  };

  /** @param {PageState} state @param {any} [error] */
  const enter = (state, error = null) => {
    if (state !== "loading") stop();
    if (state === handle.state && error === handle.error) return;
    handle.state = state;
    handle.error = error;
    if (error || state === "live") for (const [resolve, reject] of waiting.splice(0)) error ? reject(error) : resolve();
    try {
      onState?.(state, error);
    } catch (thrown) {
      report(thrown);
    }
    changed(subscription);
  };

  const done = () => {
    run = undefined;
    complete = loadedOnce = true;
    enter("live");
  };

  /** @param {import("../index.js").LoadReason} why @param {unknown} [snapshot] */
  const begin = (why, snapshot) => {
    stop();
    complete = false;
    if (!load) return done();
    const {signal} = (run = new AbortController());
    enter("loading");
    Promise.resolve()
      .then(() => signal.aborted || load({signal, why, snapshot}))
      .then(
        () => signal.aborted || done(),
        (error) => {
          if (signal.aborted) return;
          run = undefined;
          report(error);
          enter("stale", error);
        },
      );
  };

  /** What comes until then reaches the handlers at once. @param {number} wait @param {import("../index.js").LoadReason} why */
  const later = (wait, why) => {
    complete = false;
    enter("stale");
    timer = world.setTimeout(() => begin(why), wait);
  };

  /** @type {Subscription} */
  const subscription = {
    handle,
    holds,
    enter,
    later,
    confirm({recovered, snapshot, wait}) {
      const why = loadedOnce ? "reconnect" : "first";
      confirmed = true;
      if (handle.state === "loading" || handle.state === "live") return;
      if (recovered && complete) enter("live");
      else if (wait) later(wait, why);
      else begin(why, snapshot);
    },
    missed() {
      if (load) begin("missed");
    },
    lost() {
      confirmed = false;
      enter(loadedOnce || handle.state === "loading" ? "stale" : "idle");
    },
    end(state, why) {
      confirmed = false;
      signal?.removeEventListener("abort", handle.unsubscribe);
      enter(state, new Error(why));
    },
  };
  signal?.addEventListener("abort", handle.unsubscribe);
  return subscription;
};
