// SPDX-License-Identifier: MIT
// 04_two_nodes: two processes, heard by the ws package.
import assert from "node:assert/strict";
import test from "node:test";
import {Client, start} from "./support/example.mjs";

for (const bus of ["redis", "nats"]) test(`those in a room hear each other from process to process through ${bus}`, async (t) => {
  const {url, socket} = await start(t, "04_two_nodes", "--bus", bus);
  const page = await (await fetch(url)).text();
  const second = /127\.0\.0\.1:\d+/.exec(page)?.[0];
  assert.ok(second, page);
  assert.ok(!socket.endsWith(second));

  const ann = await Client.connect(t, `${socket}/ws/chat/lobby/?name=ann`);
  assert.deepEqual(await ann.hear(), {type: "joined", who: "ann"});
  const bob = await Client.connect(t, `ws://${second}/ws/chat/lobby/?name=bob`);
  for (const client of [ann, bob]) assert.deepEqual(await client.hear(), {type: "joined", who: "bob"});
  ann.say({text: "from one"});
  for (const client of [ann, bob]) assert.deepEqual(await client.hear(), {type: "said", who: "ann", text: "from one"});
  bob.say({text: "from the other"});
  for (const client of [ann, bob]) assert.deepEqual(await client.hear(), {type: "said", who: "bob", text: "from the other"});
  bob.socket.close();
  assert.deepEqual(await ann.hear(), {type: "left", who: "bob"});
  assert.equal((await fetch(`http://${second}/`)).status, 404);
});
