// SPDX-License-Identifier: MIT
// Handlers by type. What one of them throws is reported and stops no other.

/** @typedef {(...values: any[]) => void} Handler */
/** @typedef {ReturnType<typeof createHandlers>} Handlers */

/** @param {(error: unknown) => void} report */
export const createHandlers = (report) => {
  /** @type {Map<string | number, Set<{handler: Handler, undo: () => void}>>} */
  const all = new Map();
  /** @param {string | number} type */
  const listed = (type) => [...(all.get(type) ?? [])];
  return {
    /**
     * Handlers of one type run in the order of their registration; the same function may be registered twice.
     * @param {string | number} type @param {Handler} handler @param {{signal?: AbortSignal, ended?: () => void}} [options]
     * ended: called when it was taken off, for whatever reason.
     * @returns {() => void} Its undo; a second call does nothing.
     */
    on(type, handler, {signal, ended} = {}) {
      const entries = all.get(type) ?? new Set();
      const undo = () => {
        signal?.removeEventListener("abort", undo);
        if (!entries.delete(entry)) return;
        if (!entries.size) all.delete(type);
        ended?.();
      };
      const entry = {handler, undo};
      if (!signal?.aborted) {
        all.set(type, entries.add(entry));
        signal?.addEventListener("abort", undo);
      }
      return undo;
    },

    /** Takes the first registration of this function off. @param {string | number} type @param {Handler} handler */
    off(type, handler) {
      listed(type).find((entry) => entry.handler === handler)?.undo();
    },

    /**
     * A handler added meanwhile is called from the next time on, one removed meanwhile is not called any more.
     * @param {string | number} type @param {any[]} values
     */
    call(type, ...values) {
      for (const entry of listed(type)) {
        if (!all.get(type)?.has(entry)) continue;
        try {
          entry.handler(...values);
        } catch (error) {
          report(error);
        }
      }
    },

    clear() {
      for (const type of [...all.keys()]) for (const {undo} of listed(type)) undo();
    },
  };
};
