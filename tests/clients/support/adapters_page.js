// SPDX-License-Identifier: MIT
// What adapters_test.mjs runs in Chromium, bundled with both frameworks: each returns what a fake server saw.
import {createElement, StrictMode, useState} from "react";
import {createRoot} from "react-dom/client";
import {flushSync} from "react-dom";
import {createApp, h, KeepAlive, nextTick, ref} from "vue";
import {FakeWorld} from "../../../clients/js/src/testing.js";
import * as react from "../../../clients/js/src/react.js";
import * as vue from "../../../clients/js/src/vue.js";

const added = (table_id) => ({type: "page_add", page: "table", parameters: {table_id}});
const element = () => document.body.appendChild(document.createElement("div"));
const soon = () => new Promise((done) => setTimeout(done, 30));

/// A fake world, the client's options on it, and a server that confirms every page.
function stage() {
  const world = new FakeWorld();
  const seen = [];
  const Base = world.WebSocket;
  world.WebSocket = class extends Base {
    constructor(...given) {
      super(...given);
      seen.push("socket");
    }
    send(text) {
      super.send(text);
      const frame = JSON.parse(text);
      seen.push(text);
      if (frame.page) queueMicrotask(() => this.say(added(frame.table_id)));
    }
    close(code) {
      if (this.readyState !== 3) seen.push("close");
      super.close(code);
    }
  };
  const up = async () => {
    while (!world.sockets.length) await soon();
    world.socket.authenticate();
    await soon();
  };
  return {world, seen, up, options: {url: "wss://example.org/", token: "t", world}};
}

globalThis.tests = {
  async react_strict_mode() {
    const {world, seen, up, options} = stage();
    const shown = [];
    const Table = ({id}) => {
      const {state} = react.useSubscription("table", {table_id: id}, {load() {}});
      shown.push(state);
      return createElement("p", {}, state);
    };
    const root = createRoot(element());
    root.render(createElement(StrictMode, {}, createElement(react.RealtimeProvider, options, createElement(Table, {id: 1}))));
    await up();
    await world.advance(1500);
    const whileShown = [...seen];
    root.unmount();
    await world.advance(2500);
    return {whileShown, afterwards: seen.slice(whileShown.length), last: shown.at(-1), timers: world.timers.size, listening: world.listening};
  },

  async react_parameters_and_closures() {
    const {world, seen, up, options} = stage();
    const heard = [];
    let change;
    const Table = () => {
      const [id, setId] = useState(1);
      change = setId;
      react.useSubscription("table", {table_id: id}); // a new object each time
      react.useEvent("x", ({n}) => heard.push([id, n]));
      return null;
    };
    const root = createRoot(element());
    root.render(createElement(react.RealtimeProvider, options, createElement(Table)));
    await up();
    world.socket.say({type: "x", n: 1});
    flushSync(() => change(2));
    await soon();
    world.socket.say({type: "x", n: 2});
    await world.advance(1500);
    root.unmount();
    return {seen, heard};
  },

  async vue_scope_keep_alive_and_parameters() {
    const {world, seen, up, options} = stage();
    const id = ref(1);
    const shown = ref("table");
    const heard = [];
    const Table = {
      name: "Table",
      setup() {
        const {state} = vue.useSubscription("table", () => ({table_id: id.value}), {load() {}});
        vue.useEvent("x", ({n}) => heard.push(n));
        const status = vue.useStatus();
        return () => h("p", `${status.value.name} ${state.value}`);
      },
    };
    const Other = {name: "Other", setup: () => () => h("p", "other")};
    const keep = ref(true);
    const root = element();
    const app = createApp({setup: () => () => keep.value
      ? h(KeepAlive, null, {default: () => h(shown.value === "table" ? Table : Other)})
      : h(Other)});
    app.use(vue.realtimePlugin, options);
    const hasProperty = !!app.config.globalProperties.$realtime;
    app.mount(root);
    await up();
    const text = root.textContent;
    const log = [];
    const mark = async (name) => {
      await nextTick();
      await soon();
      await world.advance(1500);
      await soon();
      log.push([name, ...seen.splice(0)]);
    };
    await mark("mounted");
    world.socket.say({type: "x", n: 1});
    id.value = 2;
    await mark("other parameters");
    shown.value = "other";
    await mark("kept away");
    const socket = world.sockets.length;
    shown.value = "table";
    await soon();
    if (world.sockets.length > socket) world.socket.authenticate();
    await mark("back");
    world.socket.say({type: "x", n: 2});
    keep.value = false;
    await mark("gone");
    app.unmount();
    await mark("unmounted");
    return {text, hasProperty, log, heard, timers: world.timers.size, listening: world.listening};
  },
};
