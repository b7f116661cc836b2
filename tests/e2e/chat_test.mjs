// SPDX-License-Identifier: MIT
// 02_chat_room, heard by the ws package.
import assert from "node:assert/strict";
import test from "node:test";
import {Client, start} from "./support/example.mjs";

test("those in a room hear each other, and nobody else", async (t) => {
  const {socket} = await start(t, "02_chat_room");
  const enter = (room, name) => Client.connect(t, `${socket}/ws/chat/${room}/?name=${encodeURIComponent(name)}`);
  const ada = await enter("lobby", "ada");
  assert.deepEqual(await ada.hear(), {type: "joined", who: "ada"});
  const ben = await enter("lobby", "Bén");
  for (const client of [ada, ben]) assert.deepEqual(await client.hear(), {type: "joined", who: "Bén"});
  const cleo = await enter("kitchen", "cleo");
  assert.deepEqual(await cleo.hear(), {type: "joined", who: "cleo"});

  ada.say({text: "hello"});
  for (const client of [ada, ben]) assert.deepEqual(await client.hear(), {type: "said", who: "ada", text: "hello"});
  ben.say({text: 7});
  assert.equal((await ben.hear()).type, "error");
  ben.socket.close();
  assert.deepEqual(await ada.hear(), {type: "left", who: "Bén"});
  cleo.say({text: "only us"});
  assert.deepEqual(await cleo.hear(), {type: "said", who: "cleo", text: "only us"});
});

test("what is no JSON ends the connection with 1007, bytes with 1003", async (t) => {
  // [LC-18]
  const {socket} = await start(t, "02_chat_room");
  for (const [message, code] of [["{oops", 1007], ["", 1007], [Buffer.from("{}"), 1003]]) {
    const client = await Client.connect(t, `${socket}/ws/chat/lobby/`);
    assert.deepEqual(await client.hear(), {type: "joined", who: "somebody"});
    client.socket.send(message);
    assert.equal((await client.hearAnything()).code, code);
  }
});

test("a path without a room is not found", async (t) => {
  const {socket} = await start(t, "02_chat_room");
  for (const path of ["/", "/ws/chat/", "/ws/chat/no%20room/", `/ws/chat/${"x".repeat(100)}/`]) {
    await assert.rejects(Client.connect(t, socket + path), /404/, path);
  }
});

test("the page is served", async (t) => {
  const {url} = await start(t, "02_chat_room");
  const page = await fetch(url);
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<h1>Chat room/);
  assert.equal((await fetch(`${url}/other`)).status, 404);
  assert.equal((await fetch(url, {method: "POST"})).status, 405);
});
