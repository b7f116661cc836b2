// SPDX-License-Identifier: MIT
// e2e_echo with permessage-deflate, beside the ws package.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import test from "node:test";
import {Client, start} from "./support/example.mjs";

const json = (rows) => JSON.stringify(Array.from({length: rows}, (_, id) => ({id, name: `row ${id % 7}`, value: id * 31})));

async function converse(client) {
  for (const rows of [0, 1, 10, 100, 1_000, 10_000]) {
    for (let again = 0; again < 3; again += 1) {
      client.socket.send(json(rows));
      assert.equal((await client.hearAnything()).data.toString(), json(rows));
    }
  }
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(1_000_000), crypto.randomBytes(100_000)]) {
    client.socket.send(bytes);
    assert.ok((await client.hearAnything()).data.equals(bytes));
  }
  for (const [piece, fin] of [["one ", false], ["", false], ["two ", false], ["three", true]]) client.socket.send(piece, {fin});
  assert.equal((await client.hearAnything()).data.toString(), "one two three");
  client.socket.send("plain", {compress: false});
  assert.equal((await client.hearAnything()).data.toString(), "plain");
}

const offers = [
  {},
  {clientNoContextTakeover: true},
  {serverNoContextTakeover: true},
  {clientMaxWindowBits: 9, serverMaxWindowBits: 9},
  {clientMaxWindowBits: 8, serverMaxWindowBits: 8},
  {clientMaxWindowBits: 12, serverMaxWindowBits: 10, clientNoContextTakeover: true, serverNoContextTakeover: true},
];

for (const options of [[], ["--keep-windows"]]) {
  for (const offer of offers) {
    test(`e2e_echo ${options} and a client that offers ${JSON.stringify(offer)} understand each other`, async (t) => {
      const {socket} = await start(t, "e2e_echo", ...options);
      const client = await Client.connect(t, socket, {perMessageDeflate: {threshold: 0, ...offer}});
      assert.match(client.socket.extensions, /^permessage-deflate/);
      await converse(client);
    });
  }
}

test("a client that offers nothing gets nothing", async (t) => {
  const {socket} = await start(t, "e2e_echo");
  const client = await Client.connect(t, socket, {perMessageDeflate: false});
  assert.equal(client.socket.extensions, "");
  await converse(client);
});
