// SPDX-License-Identifier: MIT
// The Vue and React adapters in Chromium, with a fake server.
// Starts no program of the build.
import assert from "node:assert/strict";
import {createRequire} from "node:module";
import path from "node:path";
import test, {before, after} from "node:test";
import {fileURLToPath} from "node:url";
import {chromium} from "playwright-core";

const client = fileURLToPath(new URL("../../clients/js/", import.meta.url));
const require = createRequire(path.join(client, "package.json"));

let started;
let page;

before(async () => {
  const {outputFiles} = require("esbuild").buildSync({
    entryPoints: [fileURLToPath(new URL("support/adapters_page.js", import.meta.url))], bundle: true, write: false, format: "iife",
    nodePaths: [path.join(client, "node_modules")],
    define: {"process.env.NODE_ENV": '"development"', __VUE_OPTIONS_API__: "true", __VUE_PROD_DEVTOOLS__: "false",
      __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false"},
  });
  started = await chromium.launch({executablePath: "/usr/bin/chromium", args: ["--headless", "--no-sandbox", "--disable-gpu"]});
  page = await (await started.newContext()).newPage();
  page.on("pageerror", (error) => console.error(error));
  await page.addScriptTag({content: outputFiles[0].text});
});
after(() => started?.close());

const run = (name) => page.evaluate((name) => globalThis.tests[name](), name);

test("React's StrictMode costs no second socket and no second frame, and unmounting leaves nothing [JS-56]", async () => {
  assert.deepEqual(await run("react_strict_mode"), {
    whileShown: ["socket", '{"table_id":1,"page":"table"}'],
    afterwards: ['{"table_id":1,"remove_page":"table"}', "close"],
    last: "live", timers: 0, listening: 0,
  });
});

test("React: parameters by value, the new page asked for and the old one left, the newest closure called [JS-58]", async () => {
  assert.deepEqual(await run("react_parameters_and_closures"), {
    seen: ["socket", '{"table_id":1,"page":"table"}', '{"table_id":2,"page":"table"}', '{"table_id":1,"remove_page":"table"}'],
    heard: [[1, 1], [2, 2]],
  });
});

test("Vue: other parameters, KeepAlive, and the end of a component [JS-57] [JS-58]", async () => {
  assert.deepEqual(await run("vue_scope_keep_alive_and_parameters"), {
    text: "live live",
    hasProperty: true,
    log: [
      ["mounted", "socket", '{"table_id":1,"page":"table"}'],
      ["other parameters", '{"table_id":2,"page":"table"}', '{"table_id":1,"remove_page":"table"}'],
      ["kept away", '{"table_id":2,"remove_page":"table"}', "close"],
      ["back", "socket", '{"table_id":2,"page":"table"}'],
      ["gone", '{"table_id":2,"remove_page":"table"}', "close"],
      ["unmounted"],
    ],
    heard: [1, 2], timers: 0, listening: 0,
  });
});
