// SPDX-License-Identifier: MIT
// e2e_echo, beside the ws package.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import test from "node:test";
import {Client, start} from "./support/example.mjs";

test("text and binary messages of every length come back as they were", async (t) => {
  const {socket} = await start(t, "e2e_echo");
  const client = await Client.connect(t, socket);
  // The lengths around each way to write a length (RFC 6455 section 5.2), and one that takes many reads.
  for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 5_000_000]) {
    const bytes = crypto.randomBytes(length);
    client.socket.send(bytes);
    const echoed = await client.hearAnything();
    assert.ok(echoed.binary && echoed.data.equals(bytes), `${length} bytes`);
    const text = "é".repeat(length / 2);
    client.socket.send(text);
    const said = await client.hearAnything();
    assert.ok(!said.binary && said.data.toString() === text, `${length} bytes of text`);
  }
});

test("a message in pieces comes back whole", async (t) => {
  const {socket} = await start(t, "e2e_echo");
  const client = await Client.connect(t, socket);
  for (const [piece, fin] of [["one ", false], ["", false], ["two ", false], ["three", true]]) client.socket.send(piece, {fin});
  assert.equal((await client.hearAnything()).data.toString(), "one two three");
});

test("many messages come back in their order", async (t) => {
  const {socket} = await start(t, "e2e_echo");
  const client = await Client.connect(t, socket);
  for (let i = 0; i < 10_000; i += 1) client.socket.send(String(i));
  for (let i = 0; i < 10_000; i += 1) assert.equal((await client.hearAnything()).data.toString(), String(i));
});

test("a ping is answered with its own payload", async (t) => {
  const {socket} = await start(t, "e2e_echo");
  const client = await Client.connect(t, socket);
  const pong = new Promise((resolve) => client.socket.once("pong", resolve));
  client.socket.ping("are you there?");
  assert.equal((await pong).toString(), "are you there?");
});

test("a close code comes back", async (t) => {
  const {socket} = await start(t, "e2e_echo");
  const client = await Client.connect(t, socket);
  client.socket.close(4321, "enough");
  assert.equal((await client.hearAnything()).code, 4321);
});

test("a message over the limit ends the connection with 1009", async (t) => {
  const {socket} = await start(t, "e2e_echo", "--max-message-bytes", "1000");
  const client = await Client.connect(t, socket);
  client.socket.send("x".repeat(1000));
  assert.equal((await client.hearAnything()).data.length, 1000);
  client.socket.send("x".repeat(1001));
  assert.equal((await client.hearAnything()).code, 1009);
});
