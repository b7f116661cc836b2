// SPDX-License-Identifier: MIT
// For Vue 3. Nothing connects before a component is mounted, so server rendering opens no socket.
import {getCurrentInstance, inject, onActivated, onDeactivated, onMounted, onScopeDispose, shallowRef, toValue, watch} from "vue";
import {keyOf} from "./pages.js";
import {Realtime} from "./realtime.js";

const key = Symbol("realtime");

/** app.use(realtimePlugin, options of Realtime, or {realtime}): `this.$realtime` and useRealtime(). */
export const realtimePlugin = {
  /** @param {any} app @param {any} options */
  install(app, options) {
    const realtime = options.realtime ?? new Realtime(options);
    app.config.globalProperties.$realtime = realtime;
    app.provide(key, realtime);
    app.onUnmount?.(realtime.dispose); // Vue 3.5
  },
};

/** @returns {any} */
export const useRealtime = () => inject(key);

/**
 * Runs while the component is mounted and not kept away by KeepAlive; in a scope without a component, until it ends.
 * @param {() => () => void} begin Returns its end.
 */
const whileShown = (begin) => {
  /** @type {(() => void) | undefined} */
  let end;
  const hide = () => {
    end?.();
    end = undefined;
  };
  const show = () => {
    end ??= begin();
  };
  onScopeDispose(hide);
  if (!getCurrentInstance()) return show();
  onMounted(show);
  onActivated(show);
  onDeactivated(hide);
};

/** @param {string} type @param {(event: any) => void} handler */
export const useEvent = (type, handler) => {
  const realtime = useRealtime();
  whileShown(() => realtime.on(type, handler));
};

export const useStatus = () => {
  const realtime = useRealtime();
  const status = shallowRef(realtime.status);
  whileShown(() => {
    status.value = realtime.status;
    return realtime.onStatus((/** @type {any} */ now) => (status.value = now));
  });
  return status;
};

/**
 * Subscribes while the component is shown; null as a page: to nothing. Other parameters are another page: the old one
 * is left.
 * @param {any} page @param {any} parameters @param {import("../index.js").SubscribeOptions} [options]
 */
export const useSubscription = (page, parameters, options = {}) => {
  const realtime = useRealtime();
  const state = shallowRef("idle");
  const error = shallowRef(/** @type {Error | null} */ (null));
  /** @type {any} */
  let subscription;
  const subscribe = () => {
    const before = subscription;
    subscription = null;
    before?.unsubscribe();
    const mine = (subscription = realtime.subscribe(toValue(page), toValue(parameters), {
      ...options,
      onState: (/** @type {any} */ now, /** @type {any} */ why) => {
        if (subscription !== mine) return;
        state.value = now;
        error.value = why;
        options.onState?.(now, why);
      },
    }));
    state.value = mine.state;
    error.value = mine.error;
  };
  whileShown(() => {
    const release = realtime.retain();
    subscribe();
    const stop = watch(() => keyOf(toValue(page) ?? "", {...toValue(parameters)}), subscribe);
    return () => {
      stop();
      subscription.unsubscribe();
      release();
    };
  });
  return {state, error, reload: () => subscription?.reload()};
};
