// SPDX-License-Identifier: MIT
// Which pages are wanted, what the server said of each, and the events that wait until they are loaded.
import {answerTime, lingerTime} from "./backoff.js";
import {createSubscription} from "./page.js";

/** @typedef {import("../index.js").Message} Message */
/** @typedef {import("./page.js").Subscription} Subscription */
/**
 * @typedef {object} Entry A page that is wanted, in the order of the first subscription.
 * @property {string} page
 * @property {Record<string, any>} parameters
 * @property {string} key
 * @property {"idle" | "asking" | "added" | "silent"} at silent: it was asked for, and no answer came.
 * @property {Set<Subscription>} subscribers
 * @property {any} timer For the answer, or until it is removed.
 */

/** `7`, `7.0` and `"7"` are one value, `"07"` is another. @param {any} value */
const norm = (value) => (typeof value === "string" && String(+value) === value ? value : JSON.stringify(value ?? null));

/** @param {string} page @param {Record<string, any>} parameters */
export const keyOf = (page, parameters) =>
  JSON.stringify([page, Object.keys(parameters).filter((name) => parameters[name] != null).sort()
    .map((name) => [name, norm(parameters[name])])]);

/** The frames that ask for pages. @param {readonly Entry[]} wanted @returns {object[]} */
const framesOf = (wanted) => wanted.map(({page, parameters}) => ({...parameters, page}));

/**
 * @param {object} to
 * @param {import("../index.js").Environment} to.world
 * @param {import("../index.js").Limits} to.limits
 * @param {(frame: object) => void} to.send
 * @param {(message: Message, text: string) => void} to.deliver To the handlers.
 * @param {(error: unknown) => void} to.report
 * @param {Partial<import("../index.js").Positions>} [to.positions]
 */
export const createPages = ({world, limits, send, deliver, report, positions}) => {
  /** @type {Map<string, Entry>} */
  const entries = new Map();
  /** @type {Set<Subscription>} */
  const loading = new Set();
  /** Events that wait for a load, and their length. @type {[Message, string][]} */
  let held = [];
  let heldBytes = 0;
  let open = false;
  let live = false;
  /** What handlers do meanwhile may change the entries. */
  const all = () => [...entries.values()];

  // --- Events that wait

  /** @param {string} type */
  const isHeld = (type) => [...loading].some(({holds}) => holds?.includes(type) ?? true);

  /** @param {Message} message @param {string} text */
  const hold = (message, text) => {
    held.push([message, text]);
    heldBytes += text.length;
  };

  const release = () => {
    const waiting = held;
    held = [];
    heldBytes = 0;
    for (const [message, text] of waiting) (isHeld(message.type) ? hold : deliver)(message, text);
  };

  /** @param {Entry} entry @param {() => void} call @param {number} wait */
  const setTimer = (entry, call, wait) => {
    world.clearTimeout(entry.timer);
    entry.timer = world.setTimeout(call, wait);
  };

  const owner = {
    world,
    report,
    /** @param {Subscription} one */
    changed(one) {
      if (one.handle.state === "loading") loading.add(one);
      else if (loading.delete(one)) release();
    },
    /** @param {Subscription} one */
    remove(one) {
      const {page, parameters} = one.handle;
      const key = keyOf(page, parameters);
      const entry = entries.get(key);
      if (!entry?.subscribers.delete(one)) return;
      one.end("removed", "unsubscribed");
      if (entry.subscribers.size) return;
      if (!open) return void entries.delete(key);
      setTimer(entry, () => {
        entries.delete(key);
        send({...parameters, remove_page: page});
      }, lingerTime);
    },
  };

  // --- Asking, and the answers

  /** @param {Entry} entry @param {"enter" | "end" | "confirm" | "missed" | "lost"} verb @param {any[]} values */
  const tell = ({subscribers}, verb, ...values) => {
    for (const one of [...subscribers]) /** @type {any} */ (one)[verb](...values);
  };

  /** An answer is due, unless the page is about to be left. @param {Entry} entry */
  const expect = (entry) => {
    if (!live || !entry.subscribers.size) return;
    setTimer(entry, () => {
      entry.at = "silent";
      tell(entry, "enter", "refused", new Error("no_answer"));
    }, answerTime);
  };

  /** @param {Entry[]} wanted */
  const ask = (wanted) => {
    for (const entry of wanted) {
      entry.at = "asking";
      tell(entry, "enter", "asking");
      expect(entry);
    }
    (positions?.ask?.(wanted) ?? framesOf(wanted)).forEach(send);
  };

  /**
   * The entries that an answer is about: each parameter in it is as it was sent, or null where it was not. With `asked`
   * the one that is exactly like it, if it waits for an answer: then a thousand answers are not a million comparisons.
   * @param {Message} answer @param {boolean} [asked] @returns {Entry[]}
   */
  const meant = ({page, parameters}, asked) => {
    const sent = parameters ?? {};
    const exact = entries.get(keyOf(page, sent));
    return asked && exact?.at === "asking" ? [exact] : all().filter((entry) => entry.page === page &&
      Object.keys(sent).every((name) => norm(sent[name]) === norm(entry.parameters[name])));
  };

  /** @param {Entry} entry @param {"refused" | "discarded" | "removed"} state @param {string} why */
  const drop = (entry, state, why) => {
    world.clearTimeout(entry.timer);
    entries.delete(entry.key);
    tell(entry, "end", state, why);
  };

  /** @type {Record<string, (message: Message) => void>} */
  const answers = {
    __proto__: /** @type {any} */ (null), // a server may call an event "toString"
    page_add(message) {
      for (const entry of meant(message, true)) {
        if (entry.subscribers.size) world.clearTimeout(entry.timer);
        entry.at = "added";
        tell(entry, "confirm", positions?.answered?.(entry, message) ?? {});
      }
    },
    // While a page is asked for again, this answers an earlier removal.
    page_discard(message) {
      for (const entry of meant(message)) if (entry.at === "added") drop(entry, "discarded", "discarded");
    },
    page_error(message) {
      for (const entry of meant(message, true)) drop(entry, "refused", message.error);
    },
    updates_missed({pages}) {
      const named = pages?.length ? pages.flatMap((/** @type {Message} */ page) => meant(page)) : all();
      for (const entry of named) if (entry.at === "added") tell(entry, "missed");
    },
  };

  return {
    /** @param {string | null} page @param {object} [parameters] @param {import("../index.js").SubscribeOptions} [options] */
    subscribe(page, parameters, options = {}) {
      const one = createSubscription(page ?? "", {...parameters}, options, owner);
      const {handle} = one;
      if (!page || options.signal?.aborted) {
        one.end("removed", "unsubscribed");
        return handle;
      }
      const key = keyOf(page, handle.parameters);
      const entry = entries.get(key) ??
        {page, parameters: handle.parameters, key, at: "idle", subscribers: new Set(), timer: 0};
      entries.set(key, entry);
      entry.subscribers.add(one);
      world.clearTimeout(entry.timer); // it may have been about to be left
      if (entry.at === "asking") {
        one.enter("asking");
        expect(entry);
      } else if (entry.at === "added") one.confirm({});
      else if (open) ask([entry]);
      return handle;
    },

    /** Gives one subscription back, the newest. @param {string | null} page @param {object} [parameters] */
    unsubscribe(page, parameters) {
      [...(entries.get(keyOf(page ?? "", {...parameters}))?.subscribers ?? [])].pop()?.handle.unsubscribe();
    },

    list: () => all().filter(({subscribers}) => subscribers.size)
      .map(({page, parameters}) => ({page, parameters})),

    /** A frame that the server must answer; undefined without a confirmed page. */
    question: () => framesOf(all().filter(({at}) => at === "added"))[0],

    opened() {
      open = true;
      ask(all());
    },

    /** From now on an answer is due. */
    live() {
      live = true;
      for (const entry of all()) if (entry.at === "asking") expect(entry);
    },

    lost() {
      open = live = false;
      for (const entry of all()) {
        world.clearTimeout(entry.timer);
        if (!entry.subscribers.size) entries.delete(entry.key);
        if (entry.at === "silent") continue;
        entry.at = "idle";
        tell(entry, "lost");
      }
    },

    clear() {
      for (const entry of all()) drop(entry, "removed", "disposed");
    },

    /** @param {Message} message @param {string} text */
    take(message, text) {
      positions?.heard?.(message);
      const {type} = message;
      const answer = answers[type];
      answer?.(message);
      if (type in answers || !isHeld(type)) return deliver(message, text);
      hold(message, text);
      if (held.length <= limits.heldEvents && heldBytes <= limits.heldBytes) return;
      report(new Error("too many events during a load"));
      // The events go to the handlers all the same: other pages are live, and their events are among them.
      for (const {later} of [...loading]) later(2000 * world.Math.random(), "overflow");
    },
  };
};
