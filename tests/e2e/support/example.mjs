// SPDX-License-Identifier: MIT
// Runs an example's program for clients that live in Node: the ws package, and a real browser.
import assert from "node:assert/strict";
import {spawn} from "node:child_process";
import {once} from "node:events";
import readline from "node:readline";
import WebSocket from "ws";

export const patience = 60_000; // milliseconds, for what should take a few; a machine may have other things to do

/// Rejects when a promise takes too long.
export function soon(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited too long for ${what}`)), patience);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/// Starts an example, or a server of the tests' own (`e2e_...`), on a port of its own for the time of a test. It must
/// end by itself on SIGINT.
export async function start(t, name, ...options) {
  const folder = name.startsWith("e2e_") ? "tests/e2e" : "examples";
  const command = `${process.env.SLUICE_BUILD_DIR}/${folder}/${name}`;
  const program = spawn(command, ["--port", "0", "--threads", "2", ...options], {stdio: ["ignore", "pipe", "inherit"]});
  const ended = once(program, "exit");
  const [line] = await soon(once(readline.createInterface(program.stdout), "line"), `${name} to listen`);
  const url = /^listening on (https?:\/\/127\.0\.0\.1:\d+)\/$/.exec(line)?.[1];
  t.after(async () => {
    program.kill("SIGINT");
    const [status] = await soon(ended, `${name} to end`);
    assert.equal(status, 0, `${name} ended with ${status}`);
  });
  assert.ok(url, line);
  return {url, socket: url.replace("http", "ws")};
}

/// A WebSocket client that keeps what it heard until it is asked.
export class Client {
  heard = [];
  waiting = [];

  static async connect(t, url, ...options) {
    const client = new Client();
    client.socket = new WebSocket(url, ...options);
    t.after(() => client.socket.terminate());
    client.socket.on("message", (data, binary) => client.arrived({data, binary}));
    client.socket.on("close", (code, reason) => client.arrived({code, reason: reason.toString()}));
    await soon(once(client.socket, "open"), "the connection");
    return client;
  }

  arrived(thing) {
    if (this.waiting.length > 0) this.waiting.shift()(thing);
    else this.heard.push(thing);
  }

  hearAnything() {
    if (this.heard.length > 0) return Promise.resolve(this.heard.shift());
    return soon(new Promise((resolve) => this.waiting.push(resolve)), "a message");
  }

  async hear() {
    const {data, binary, code} = await this.hearAnything();
    assert.equal(code, undefined, `closed with ${code}`);
    assert.equal(binary, false);
    return JSON.parse(data);
  }

  say(message) {
    this.socket.send(JSON.stringify(message));
  }
}
