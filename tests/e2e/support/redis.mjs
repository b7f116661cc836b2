// SPDX-License-Identifier: MIT
// A redis-server for the time of a test, on a unix socket.
import {spawn} from "node:child_process";
import {once} from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import {soon} from "./example.mjs";

export class OwnRedis {
  static async start(t) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "sluice-redis-"));
    const socket = path.join(folder, "redis.sock");
    const server = spawn("redis-server", ["--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder],
      {stdio: ["ignore", "pipe", "inherit"]});
    const ended = once(server, "exit");
    t.after(async () => {
      server.kill("SIGKILL");
      await ended;
      fs.rmSync(folder, {recursive: true});
    });
    const ready = (async () => {
      for await (const line of readline.createInterface(server.stdout)) {
        if (line.includes("eady to accept connections")) return;
      }
    })();
    await soon(ready, "redis-server");
    server.stdout.resume();
    const redis = new OwnRedis();
    redis.url = `unix://${socket}`;
    return redis;
  }
}
