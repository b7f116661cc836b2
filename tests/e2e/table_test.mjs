// SPDX-License-Identifier: MIT
// 03_table_pages, as a script in Node would use it.
import assert from "node:assert/strict";
import test from "node:test";
import {Client, start} from "./support/example.mjs";

test("a change over HTTP is heard by the others on the table", async (t) => {
  // [CC-26]
  const {url, socket} = await start(t, "03_table_pages");
  const enter = async (user_id) => {
    const signed_in = await fetch(`${url}/api/sign-in`, {method: "POST", body: JSON.stringify({user_id})});
    const {token} = await signed_in.json();
    const client = await Client.connect(t, `${socket}/ws/core/?jwt_token=${token}`);
    // [FE-5] The subscription may be on its way before the authentication is back.
    client.say({page: "table", table_id: 1});
    const {web_socket_id} = await client.hear();
    assert.deepEqual(await client.hear(), {type: "page_add", page: "table", parameters: {table_id: 1}});
    return {client, headers: {Authorization: `JWT ${token}`, WebSocketId: web_socket_id}};
  };
  const [ada, ben] = [await enter(1), await enter(2)];
  const change = async (who, capital) => {
    const body = JSON.stringify({Capital: capital});
    return (await fetch(`${url}/api/tables/1/rows/1`, {method: "PATCH", headers: who.headers, body})).json();
  };
  const first = await change(ada, "first");
  const second = await change(ben, "second");
  assert.deepEqual(await ben.client.hear(), {type: "rows_updated", table_id: 1, rows: [first]});
  assert.deepEqual(await ada.client.hear(), {type: "rows_updated", table_id: 1, rows: [second]});
});
