// SPDX-License-Identifier: MIT
// The package as it is handed out: its size, its types.
import assert from "node:assert/strict";
import {execFileSync} from "node:child_process";
import fs from "node:fs";
import {createRequire} from "node:module";
import os from "node:os";
import path from "node:path";
import test from "node:test";
import {fileURLToPath} from "node:url";
import zlib from "node:zlib";

const folder = fileURLToPath(new URL("../../clients/js/", import.meta.url));
const require = createRequire(path.join(folder, "package.json"));
const esbuild = require("esbuild");
const tsc = path.join(path.dirname(require.resolve("typescript/package.json")), "bin/tsc");

/// The bytes that a browser loads: bundled, minified, gzip -9.
function size(entry, external = []) {
  const {outputFiles} = esbuild.buildSync({
    entryPoints: [path.join(folder, entry)], bundle: true, minify: true, format: "esm", target: "es2020", write: false, external,
  });
  return zlib.gzipSync(outputFiles[0].contents, {level: 9}).length;
}

function temporary(t, files) {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), "sluice-client-"));
  t.after(() => fs.rmSync(made, {recursive: true}));
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(made, name)), {recursive: true});
    fs.writeFileSync(path.join(made, name), text);
  }
  return made;
}

/// What the compiler has to say.
function check(...args) {
  try {
    execFileSync(process.execPath, [tsc, ...args], {encoding: "utf8"});
    return "";
  } catch (error) {
    return error.stdout + error.stderr;
  }
}

test("the core is no larger than 5.0 kB [JS-64]", (t) => {
  const bytes = size("src/index.js");
  t.diagnostic(`core: ${bytes} bytes`);
  assert.ok(bytes < 5050, `${bytes} bytes`);
});

test("no file is longer than 300 lines", () => {
  for (const file of fs.readdirSync(path.join(folder, "src"))) {
    const lines = fs.readFileSync(path.join(folder, "src", file), "utf8").split("\n").length;
    assert.ok(lines <= 300, `${file}: ${lines} lines`);
  }
});

test("sources and declarations are free of type errors, strictly", () => {
  assert.equal(check("-p", folder), "");
});

const typed = `
import {Realtime, RealTimeHandler} from "sluice-client";
import {events} from "sluice-client/events";
import {FakeWorld} from "sluice-client/testing";

interface Wire {
  events: {rows_updated: {type: "rows_updated"; table_id: number; rows: {id: number; version: number}[]}; rows_deleted: {ids: number[]}};
  pages: {table: {table_id: number}; view: {slug: string; token?: string | null}};
}
const typed = new Realtime<Wire>({url: "/ws/core/"});
typed.on("rows_updated", ({rows}) => rows[0]?.version.toFixed());
typed.registerEvent("rows_deleted", ({store}, {ids}) => store.remove(ids[0]?.toFixed()));
const page = typed.subscribe("table", {table_id: 1}, {load: async ({signal, why}) => void [signal.aborted, why === "first"]});
page.ready().then(() => page.unsubscribe());
typed.subscribe(null);
typed.unsubscribe("view", {slug: "s"});
for await (const {rows} of events(typed, "rows_updated")) rows[0]?.id.toFixed();
// @ts-expect-error: no such event
typed.on("rows_updatd", () => {});
// @ts-expect-error: no such parameter
typed.subscribe("table", {tabel_id: 1});
// @ts-expect-error: no such page
typed.subscribe("tabel", {table_id: 1});
// @ts-expect-error: a parameter is missing
typed.subscribe("view", {});
// @ts-expect-error: not among the event's keys
typed.on("rows_deleted", ({rows}) => rows);
// @ts-expect-error: read only
typed.status.name = "live";
// @ts-expect-error: it has an address
new Realtime({});
// @ts-expect-error: no such reason
typed.subscribe("table", {table_id: 1}, {load: ({why}) => why === "wrong"});

// Without a wire everything goes.
const untyped = new RealTimeHandler({url: "/ws/core/", token: async ({rejected}) => rejected ?? "t", world: new FakeWorld()});
untyped.on("anything", ({at, all}) => at + all);
untyped.subscribe("any", {a: 1, b: "x"}, {holds: ["a"], onState: (state, error) => state === "live" || error?.message});
untyped.onStatus(({name, why, until}) => name === "waiting" && why === null && until! > 0);
const headers: Record<string, string> = {...untyped.headers};
export {headers};
`;

test("wrong events, pages and parameters do not compile, untyped use does [JS-67]", (t) => {
  for (const [module, resolution] of [["nodenext", "nodenext"], ["esnext", "bundler"]]) {
    const project = temporary(t, {"index.ts": typed, "package.json": '{"type": "module"}'});
    fs.mkdirSync(path.join(project, "node_modules"));
    fs.symlinkSync(folder, path.join(project, "node_modules/sluice-client"));
    assert.equal(check("--strict", "--noEmit", "--target", "es2022", "--lib", "es2022,dom", "--types", "", "--module", module,
      "--moduleResolution", resolution, path.join(project, "index.ts")), "", resolution);
  }
});
