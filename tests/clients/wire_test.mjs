// SPDX-License-Identifier: MIT
// wire.d.ts and asyncapi.json of the table example match what goes over the wire: every message heard fits exactly one
// described message, and every described message is heard.
import assert from "node:assert/strict";
import {execFileSync} from "node:child_process";
import fs from "node:fs";
import {createRequire} from "node:module";
import os from "node:os";
import path from "node:path";
import test from "node:test";
import {fileURLToPath} from "node:url";
import WebSocket from "ws";
import {start} from "../e2e/support/example.mjs";

const client = fileURLToPath(new URL("../../clients/js/", import.meta.url));
const example = fileURLToPath(new URL("../../examples/03_table_pages/", import.meta.url));
const require = createRequire(path.join(client, "package.json"));
const {default: Ajv} = require("ajv");
const {Realtime} = await import(path.join(client, "src/index.js"));

const asyncapi = JSON.parse(fs.readFileSync(`${example}asyncapi.json`, "utf8"));
const ajv = new Ajv({strict: false, allErrors: true, formats: {int64: true, uint64: true}});
const described = Object.entries(asyncapi.components.messages)
  .filter(([type]) => type !== "subscribe" && type !== "unsubscribe")
  .map(([type, {payload}]) => ({type, fits: ajv.compile(payload)}));
const frames = {page: ajv.compile(asyncapi.components.messages.subscribe.payload),
  remove_page: ajv.compile(asyncapi.components.messages.unsubscribe.payload)};

function temporary(t) {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), "sluice-wire-"));
  t.after(() => fs.rmSync(made, {recursive: true}));
  return made;
}

/// A guest of the public view does not read until the server has dropped a change, then reads everything.
async function miss(url, heard, write) {
  const guest = new WebSocket(url, {perMessageDeflate: false});
  await new Promise((open) => guest.once("open", open));
  guest.send('{"page":"view","slug":"public"}');
  await new Promise((added) => guest.on("message", (text) => JSON.parse(text).type === "page_add" && added()));
  guest.on("message", (text) => text.length < 100_000 && heard.push(JSON.parse(text)));
  guest.pause();
  // More than the kernel keeps for a line, 64 KiB past which a client is slow, and 1 MiB that may wait for it.
  for (let n = 0; n < 16; n += 1) await write("x".repeat(900_000));
  await write("short again");
  guest.resume();
}

test("the committed files are what the description makes, twice the same", (t) => {
  const folder = temporary(t);
  const program = `${process.env.SLUICE_BUILD_DIR}/examples/table_wire`;
  for (const round of ["1", "2"]) {
    execFileSync(program, ["--name", "TableWire", "--typescript", `${folder}/${round}.d.ts`, "--asyncapi", `${folder}/${round}.json`]);
    assert.equal(fs.readFileSync(`${folder}/${round}.d.ts`, "utf8"), fs.readFileSync(`${example}wire.d.ts`, "utf8"),
      "build the target table_wire_files");
    assert.equal(fs.readFileSync(`${folder}/${round}.json`, "utf8"), fs.readFileSync(`${example}asyncapi.json`, "utf8"));
  }
});

test("asyncapi.json fits the published schema of AsyncAPI 3.0.0", () => {
  const published = new Ajv({strict: false, allErrors: true, logger: false, validateFormats: false});
  const fits = published.compile(require("@asyncapi/specs/schemas/3.0.0-without-$id.json"));
  assert.ok(fits(asyncapi), JSON.stringify(fits.errors?.slice(0, 3)));
});

test("every message heard is described once, and every described message is heard", async (t) => {
  const {url, socket} = await start(t, "03_table_pages");
  const heard = [];
  const sent = [];
  const clients = [];
  t.after(() => clients.forEach((one) => one.dispose()));
  const enter = async (user_id) => {
    const {token} = user_id ? await (await fetch(`${url}/api/sign-in`, {method: "POST", body: JSON.stringify({user_id})})).json() : {token: null};
    class Spied extends WebSocket {
      send(text) {
        sent.push(JSON.parse(text));
        super.send(text);
      }
    }
    const realtime = new Realtime({url: `${socket}/ws/core/`, token, anonymous: !user_id, WebSocket: Spied, onError() {}});
    clients.push(realtime);
    realtime.onMessage((message, text) => text.length < 100_000 && heard.push(message)); // but for miss()'s changes
    realtime.connect();
    return {realtime, call: (method, where, body) => fetch(url + where, {method, body: body && JSON.stringify(body),
      headers: {Authorization: `JWT ${token}`}})};
  };
  const [ada, ben, cleo, guest] = [await enter(1), await enter(2), await enter(3), await enter(null)];
  await ben.realtime.subscribe("table", {table_id: "1"}).ready();
  await ada.realtime.subscribe("table", {table_id: 1}).ready();
  await ada.realtime.subscribe("dashboard", {dashboard_id: 1}).ready();
  await guest.realtime.subscribe("view", {slug: "public", token: null}).ready();
  await assert.rejects(cleo.realtime.subscribe("table", {table_id: 1}).ready(), /refused/);
  const row = ben.realtime.subscribe("row", {table_id: 1, row_id: 2});
  await row.ready();
  const {id} = await (await ada.call("POST", "/api/tables/1/rows", {Country: "Utopia"})).json();
  for (const value of ["text", 7, 7.5, null]) await ada.call("PATCH", "/api/tables/1/rows/2", {Capital: value});
  await ada.call("DELETE", `/api/tables/1/rows/${id}`);
  row.unsubscribe();
  const until = async (type) => {
    for (let n = 0; n < 300 && !heard.some((message) => message.type === type); n += 1) await new Promise((done) => setTimeout(done, 20));
  };
  await until("rows_deleted");
  await new Promise((done) => setTimeout(done, 1100)); // the row page is left a second late
  await ada.call("POST", "/api/tables/1/shares", {user_id: 3});
  await ada.call("DELETE", "/api/tables/1/shares/2");
  await until("permissions_updated");
  await miss(`${socket}/ws/core/?jwt_token=anonymous&accepts=gaps`, heard, (text) => ada.call("PATCH", "/api/tables/1/rows/2", {Capital: text}));
  await until("updates_missed");
  const ping = new WebSocket(`${socket}/ws/core/?jwt_token=anonymous&accepts=ping`);
  ping.on("open", () => ping.send('{"type":"ping"}'));
  ping.on("message", (text) => heard.push(JSON.parse(text)));
  await until("pong");
  ping.terminate();
  await ada.call("POST", "/api/users/3/disconnect");
  await until("force_disconnect");

  for (const message of heard) {
    const fitting = described.filter(({fits}) => fits(message)).map(({type}) => type);
    assert.deepEqual(fitting, [message.type], JSON.stringify(message));
  }
  for (const frame of sent.filter((one) => one.type !== "ping")) {
    const [fits] = Object.keys(frames).filter((key) => key in frame).map((key) => frames[key]);
    assert.ok(fits(frame), JSON.stringify(frame));
  }
  const types = new Set(heard.map(({type}) => type));
  assert.deepEqual(described.map(({type}) => type).filter((type) => !types.has(type)), []);

  // The same messages are literals of the generated types.
  const folder = temporary(t);
  fs.copyFileSync(`${example}wire.d.ts`, `${folder}/wire.d.ts`);
  const unique = [...new Map(heard.map((message) => [JSON.stringify([message.type, Object.keys(message)]), message])).values()];
  fs.writeFileSync(`${folder}/heard.ts`, `import type {TableWire} from "./wire.js";\n` + unique.map((message) =>
    `export const _${unique.indexOf(message)} = ${JSON.stringify(message)} satisfies TableWire["events"]["${message.type}"];\n`).join("") +
    `// @ts-expect-error: a key too many\nexport const wrong = {type: "rows_deleted", table_id: 1, rows: [], more: 1} satisfies TableWire["events"]["rows_deleted"];\n` +
    `export const page: TableWire["pages"]["table"] = {table_id: "7"};\n`);
  const tsc = path.join(client, "node_modules/typescript/bin/tsc");
  try {
    execFileSync(process.execPath, [tsc, "--strict", "--noEmit", "--target", "es2022", "--types", "", "--module", "nodenext", `${folder}/heard.ts`],
      {encoding: "utf8"});
  } catch (error) {
    assert.fail(error.stdout);
  }
});
