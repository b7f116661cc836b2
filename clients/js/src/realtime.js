// SPDX-License-Identifier: MIT
// What an application sees. Its methods are bound: they may be handed on as they are.
import {defaults, lingerTime} from "./backoff.js";
import {createConnection} from "./connection.js";
import {createHandlers} from "./handlers.js";
import {createPages} from "./pages.js";

/** @typedef {import("../index.js").Message} Message */
/** @typedef {import("../index.js").Status} Status */
/** @typedef {{signal?: AbortSignal}} Signal */

// Keys of handlers that no type of a message can be.
const everything = 0;
const statuses = 1;

export class Realtime {
  /** @param {import("../index.js").Options} options */
  constructor(options) {
    const world = options.world ?? globalThis;
    const limits = {...defaults, ...options.limits};
    /** @param {unknown} error */
    const report = (error) => (options.onError ?? console.error)(error);
    const handlers = createHandlers(report);
    /** @type {string | null} */
    let id = null;
    let retained = 0;
    /** @type {any} */
    let parting;

    /** @param {Message} message @param {string} text */
    const deliver = (message, text) => {
      handlers.call(everything, message, text);
      handlers.call(message.type, message);
    };
    const pages = createPages({
      world, limits, report, deliver, send: (frame) => connection.send(frame), positions: options.positions,
    });
    const connection = createConnection(options, world, limits, {
      ...pages,
      report,
      changed: () => handlers.call(statuses),
      hear(text, turn) {
        let message;
        try {
          message = JSON.parse(text);
        } catch {
          // onMessage gets undefined and the text
        }
        const {type, success, heartbeat, web_socket_id} = message ?? {};
        const ends = type === "force_disconnect";
        const authenticates = type === "authentication";
        if (ends) deliver(message, text); // first, so that the application can forget its token
        if (authenticates) id = web_socket_id;
        connection.dispatch({type: ends || authenticates ? type : "message", turn, success,
          heartbeat: heartbeat > 0 ? Math.min(heartbeat, 3600) * 1000 : 0});
        if (typeof type !== "string") handlers.call(everything, message, text);
        else if (!ends) pages.take(message, text);
      },
    });

    const connect = (reconnect = true, anonymous = options.anonymous) => {
      if (options.WebSocket ?? world.WebSocket) connection.dispatch({type: "connect", reconnect, anonymous});
    };
    const disconnect = () => {
      world.clearTimeout(parting);
      connection.dispatch({type: "disconnect"});
    };
    const {on, off} = handlers;
    const {status} = connection;
    const live = () => status().name === "live";
    const ownId = () => (live() ? id : null);

    Object.assign(this, {
      connect,
      disconnect,
      dispose() {
        disconnect();
        pages.clear();
        handlers.clear();
      },
      /** For adapters: the first one connects, a moment after the last release it disconnects. */
      retain() {
        let held = 1;
        retained += 1;
        world.clearTimeout(parting);
        if (status().name === "idle") connect();
        return () => {
          retained -= held;
          if (held && !retained) parting = world.setTimeout(disconnect, lingerTime);
          held = 0;
        };
      },
      subscribe: pages.subscribe,
      unsubscribe: pages.unsubscribe,
      on,
      off,
      /** @param {string} type @param {(message: any) => void} handler @param {Signal} [signal] */
      once(type, handler, signal) {
        const undo = on(type, (message) => {
          undo();
          handler(message);
        }, signal);
        return undo;
      },
      /** @param {string} type @param {(context: any, message: any) => void} handler */
      registerEvent: (type, handler) => on(type, (message) => handler(options.context, message)),
      /** @param {(message: any, text: string) => void} handler @param {Signal} [signal] */
      onMessage: (handler, signal) => on(everything, handler, signal),
      /** @param {(status: Status) => void} handler @param {Signal} [signal] */
      onStatus: (handler, signal) => on(statuses, () => handler(status()), signal),
    });
    /** @type {Record<string, () => unknown>} */
    const properties = {
      status,
      connected: live,
      attempts: () => connection.state().waits,
      pages: pages.list,
      webSocketId: ownId,
      /** For requests that change something: the server then leaves this connection out of the broadcast. */
      headers: () => (ownId() ? {WebSocketId: ownId()} : {}),
    };
    for (const name in properties) Object.defineProperty(this, name, {get: properties[name]});
  }
}
