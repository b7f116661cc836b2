// SPDX-License-Identifier: MIT
// For React 18 and 19. Nothing connects before an effect, so server rendering opens no socket; an effect that StrictMode
// runs twice costs no second socket and no second frame, since both are left a second late.
import {createContext, createElement, useContext, useEffect, useRef, useState, useSyncExternalStore} from "react";
import {keyOf} from "./pages.js";
import {Realtime} from "./realtime.js";

const Context = createContext(/** @type {any} */ (null));

/** The newest value of a render that was shown. @template T @param {T} value */
const useLatest = (value) => {
  const latest = useRef(value);
  useEffect(() => {
    latest.current = value;
  });
  return latest;
};

/** @param {any} properties `realtime`, or the options of one. */
export const RealtimeProvider = ({children, realtime: given, ...options}) => {
  const latest = useLatest(options);
  const [realtime] = useState(() => given ?? new Realtime(/** @type {any} */ ({
    ...options,
    ...(typeof options.token === "function" && {token: (/** @type {any} */ how) => latest.current.token(how)}),
  })));
  useEffect(() => realtime.retain(), [realtime]);
  return createElement(Context.Provider, {value: realtime}, children);
};

export const useRealtime = () => useContext(Context);

export const useStatus = () => {
  const realtime = useRealtime();
  const status = () => realtime.status;
  return useSyncExternalStore(realtime.onStatus, status, status);
};

/** @param {string} type @param {(event: any) => void} handler The newest closure is called. */
export const useEvent = (type, handler) => {
  const realtime = useRealtime();
  const latest = useLatest(handler);
  useEffect(() => realtime.on(type, (/** @type {any} */ event) => latest.current(event)), [realtime, type]);
};

const idle = {state: "idle", error: null, reload() {}};

/**
 * Subscribes while the component is mounted; null as a page: to nothing. Parameters are compared by value; others are
 * another page, and the old one is left.
 * @param {string | null} page @param {any} [parameters] @param {import("../index.js").SubscribeOptions} [options]
 */
export const useSubscription = (page, parameters, options = {}) => {
  const realtime = useRealtime();
  const latest = useLatest(options);
  const [shown, show] = useState(/** @type {any} */ (idle));
  const loads = !!options.load;
  useEffect(() => {
    if (page === null) return show(idle);
    const release = realtime.retain();
    let left = false;
    const subscription = realtime.subscribe(page, parameters, {
      holds: options.holds,
      load: loads ? (/** @type {any} */ how) => latest.current.load?.(how) : undefined,
      onState(/** @type {any} */ state, /** @type {any} */ error) {
        if (left) return;
        show({state, error, reload: subscription.reload});
        latest.current.onState?.(state, error);
      },
    });
    const {state, error, reload} = subscription;
    show({state, error, reload});
    return () => {
      left = true;
      subscription.unsubscribe();
      release();
    };
  }, [realtime, page, keyOf("", {...parameters}), loads]);
  return shown;
};
