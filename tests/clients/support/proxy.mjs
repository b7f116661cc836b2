// SPDX-License-Identifier: MIT
// A TCP proxy between browser and server that can stop moving bytes: the network cut that no emulation of `offline` is.
import net from "node:net";
import {once} from "node:events";

export class Proxy {
  /** So many handshakes from now on get no answer. */
  hang = 0;
  pairs = new Set();
  /** When handshakes came, by Date.now(). */
  handshakes = [];

  static async start(t, target) {
    const proxy = new Proxy();
    proxy.target = Number(new URL(target).port);
    proxy.server = net.createServer((client) => proxy.connected(client));
    proxy.server.listen(0, "127.0.0.1");
    await once(proxy.server, "listening");
    proxy.url = `http://127.0.0.1:${proxy.server.address().port}`;
    t.after(() => {
      proxy.reset();
      proxy.server.close();
    });
    return proxy;
  }

  connected(client) {
    client.on("error", () => {});
    const pair = {client, server: null, upgraded: false, frozen: false};
    this.pairs.add(pair);
    client.on("close", () => this.pairs.delete(pair));
    client.once("data", (first) => this.began(pair, first));
  }

  /// Chromium lets a page open sockets to a local address only if it came from one itself, not from a test's route.
  page(path) {
    const blank = "<!doctype html><title>blank</title><link rel=icon href=data:,>";
    if (path.startsWith("/blank")) return blank;
    if (path === "/tab") return blank + Array.from({length: 10}, (_, n) => `<iframe src="/blank?${n}"></iframe>`).join("");
    return null;
  }

  began(pair, first) {
    const {client} = pair;
    const page = this.page(/^GET (\S+)/.exec(first)?.[1] ?? "");
    if (page) {
      return client.end(`HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: ${page.length}\r\nConnection: close\r\n\r\n${page}`);
    }
    if (first.includes("Upgrade: websocket")) {
      pair.upgraded = true;
      this.handshakes.push(Date.now());
      if (this.hang > 0) {
        this.hang -= 1;
        pair.frozen = true;
        return;
      }
    }
    const server = (pair.server = net.connect(this.target, "127.0.0.1"));
    server.on("error", () => client.destroy());
    const move = (from, to) => {
      from.on("data", (bytes) => {
        if (!pair.frozen) to.write(bytes);
      });
      from.on("end", () => pair.frozen || to.end());
      from.on("close", () => pair.frozen || to.destroy());
    };
    move(client, server);
    move(server, client);
    client.emit("data", first);
  }

  /// From now on the sockets that stand move no byte, in either direction, and nobody is told.
  stop() {
    for (const pair of this.pairs) if (pair.upgraded) pair.frozen = true;
  }

  /// Ends all connections at once.
  reset() {
    for (const {client, server} of this.pairs) {
      client.destroy();
      server?.destroy();
    }
    this.pairs.clear();
  }

  get sockets() {
    return [...this.pairs].filter(({upgraded, frozen}) => upgraded && !frozen).length;
  }
}
