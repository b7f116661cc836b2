// SPDX-License-Identifier: MIT
// Events for scripts: `for await (const event of events(realtime, "rows_updated", {signal}))`.

const most = 1000;

/**
 * It listens from the call on and keeps up to 1,000 events; where it lost one, the loop throws.
 * @param {{on: Function}} realtime @param {string} type @param {{signal?: AbortSignal}} [options]
 */
export const events = (realtime, type, {signal} = {}) => {
  /** @type {any[]} */
  const queue = [];
  let over = false;
  /** @type {Error | undefined} */
  let error;
  let wake = () => {};
  const ended = () => {
    over = true;
    wake();
  };
  const undo = realtime.on(type, (/** @type {any} */ event) => {
    if (queue.push(event) > most) {
      queue.pop();
      error = new Error(`${type}: the loop is too slow, events were lost`);
      undo();
    } else wake();
  }, {signal, ended});
  if (signal?.aborted) ended();
  return (async function* () {
    try {
      for (;;) {
        while (queue.length) yield queue.shift();
        if (error) throw error;
        if (over) return;
        await new Promise((resolve) => (wake = /** @type {() => void} */ (resolve)));
      }
    } finally {
      undo();
    }
  })();
};
