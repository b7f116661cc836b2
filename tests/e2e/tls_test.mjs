// SPDX-License-Identifier: MIT
// 01_echo with TLS, heard by the ws package and by Chromium.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import {once} from "node:events";
import test from "node:test";
import WebSocket from "ws";
import {certificate} from "./support/certificate.mjs";
import {browser} from "./support/browser.mjs";
import {Client, soon, start} from "./support/example.mjs";

for (const version of ["TLSv1.2", "TLSv1.3"]) {
  test(`01_echo and the ws package understand each other in ${version}`, async (t) => {
    const made = certificate(t);
    const {socket} = await start(t, "01_echo", ...made.options);
    assert.match(socket, /^wss:/);
    const client = await Client.connect(t, socket, {ca: made.pem, minVersion: version, maxVersion: version});
    for (const size of [0, 1, 16_384, 16_385, 300_000]) {
      const bytes = crypto.randomBytes(size);
      client.socket.send(bytes);
      assert.ok((await client.hearAnything()).data.equals(bytes));
    }
    for (let number = 0; number < 500; number += 1) client.socket.send(`${number} ${"x".repeat(number)}`);
    for (let number = 0; number < 500; number += 1) {
      assert.equal((await client.hearAnything()).data.toString(), `${number} ${"x".repeat(number)}`);
    }
    client.socket.close(1000, "bye");
    assert.deepEqual(await client.hearAnything(), {code: 1000, reason: "bye"});
  });
}

test("the ws package does not trust a certificate that nobody has signed", async (t) => {
  const made = certificate(t);
  const {socket} = await start(t, "01_echo", ...made.options);
  const doubtful = new WebSocket(socket);
  const [error] = await soon(once(doubtful, "error"), "the refusal");
  assert.equal(error.code, "DEPTH_ZERO_SELF_SIGNED_CERT");
});

test("a WebSocket of Chromium hears its echo through TLS", async (t) => {
  const made = certificate(t);
  const {url, socket} = await start(t, "01_echo", ...made.options);
  const started = await browser(t, `--ignore-certificate-errors-spki-list=${made.key_hash}`);
  const page = await (await started.newContext()).newPage();
  await page.goto(`${url}/`);
  const heard = await soon(page.evaluate((socket) => new Promise((resolve, reject) => {
    const echo = new WebSocket(socket);
    const sizes = [];
    echo.onopen = () => [0, 5, 16_384, 200_000].forEach((size) => echo.send("x".repeat(size)));
    echo.onmessage = ({data}) => {
      sizes.push(data.length);
      if (sizes.length === 4) echo.close(1000, "bye");
    };
    echo.onerror = () => reject(new Error("the WebSocket failed"));
    echo.onclose = ({code, wasClean}) => resolve({sizes, code, wasClean});
  }), socket), "Chromium");
  assert.deepEqual(heard, {sizes: [0, 5, 16_384, 200_000], code: 1000, wasClean: true});
});
