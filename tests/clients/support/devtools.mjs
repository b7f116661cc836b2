// SPDX-License-Identifier: MIT
// Chromium by its own protocol. Playwright emulates focus, and a page that has focus is never hidden and never frozen.
import {spawn} from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import WebSocket from "ws";
import {soon} from "../../e2e/support/example.mjs";

export class Tab {
  static async open(t, url) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "sluice-chromium-"));
    const program = spawn("/usr/bin/chromium", ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
      "--disable-background-networking", "--remote-debugging-port=0", `--user-data-dir=${folder}`, "about:blank"],
    {stdio: ["ignore", "ignore", "pipe"]});
    const ended = new Promise((done) => program.once("exit", done));
    t.after(async () => {
      program.kill("SIGKILL");
      await ended;
      fs.rmSync(folder, {recursive: true, force: true, maxRetries: 5, retryDelay: 200});
    });
    const address = new Promise((found) => {
      readline.createInterface(program.stderr).on("line", (line) => {
        const [, named] = /^DevTools listening on (ws:\S+)/.exec(line) ?? [];
        if (named) found(named);
      });
    });
    const tab = new Tab();
    tab.calls = new Map();
    tab.socket = new WebSocket(await soon(address, "Chromium"));
    tab.socket.on("message", (text) => tab.answered(JSON.parse(text)));
    await soon(new Promise((done) => tab.socket.once("open", done)), "DevTools");
    const {targetId} = await tab.send("Target.createTarget", {url: "about:blank"});
    tab.session = (await tab.send("Target.attachToTarget", {targetId, flatten: true})).sessionId;
    await tab.send("Page.enable");
    await tab.send("Page.setLifecycleEventsEnabled", {enabled: true});
    await tab.navigate(url);
    return tab;
  }

  /// Done once the page has loaded.
  async navigate(url) {
    let loader;
    const events = [];
    const loaded = new Promise((done) => {
      this.onLifecycle = (event) => {
        if (event) events.push(event);
        if (events.some(({name, loaderId}) => name === "load" && loaderId === loader)) done();
      };
    });
    loader = (await this.send("Page.navigate", {url})).loaderId;
    this.onLifecycle();
    await soon(loaded, url);
  }

  answered({id, result, error, method, params}) {
    if (method === "Page.lifecycleEvent") this.onLifecycle?.(params);
    const call = this.calls.get(id);
    this.calls.delete(id);
    if (error) call?.reject(new Error(error.message));
    else call?.resolve(result);
  }

  send(method, params = {}) {
    const id = (this.last = (this.last ?? 0) + 1);
    this.socket.send(JSON.stringify({id, method, params, sessionId: this.session}));
    return soon(new Promise((resolve, reject) => this.calls.set(id, {resolve, reject})), method);
  }

  async evaluate(expression) {
    const {result, exceptionDetails} = await this.send("Runtime.evaluate", {expression, awaitPromise: true, returnByValue: true});
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }
}
