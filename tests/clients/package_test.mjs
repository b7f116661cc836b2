// SPDX-License-Identifier: MIT
// The package as it is handed out: its size, its types.
// Starts no program of the build.
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

test("the core is no larger than 5,000 bytes [JS-64]", (t) => {
  const bytes = size("src/index.js");
  t.diagnostic(`core: ${bytes} bytes`);
  assert.ok(bytes <= 5000, `${bytes} bytes`);
});

test("adapters and indicator add little to the core [JS-64]", (t) => {
  const core = size("src/index.js");
  const beside = (name) => {
    const stdin = `export * from "./src/index.js"; export * from "./src/${name}.js";`;
    const {outputFiles} = esbuild.buildSync({stdin: {contents: stdin, resolveDir: folder}, bundle: true, minify: true,
      format: "esm", target: "es2020", write: false, external: ["vue", "react"]});
    return zlib.gzipSync(outputFiles[0].contents, {level: 9}).length - core;
  };
  for (const [name, most] of [["vue", 500], ["react", 500], ["indicator", 680], ["events", 200]]) {
    const bytes = beside(name);
    t.diagnostic(`${name}: ${bytes} bytes`);
    assert.ok(bytes <= most, `${name}: ${bytes} bytes`);
  }
});

/// Bytes as measured in the same way, of the versions named; of these only two are below the core, and neither has pages,
/// loads or a status.
const rivals = {
  "@vueuse/core 14.4 useWebSocket": 2443, "partysocket 1.3": 3005, "@rails/actioncable 8.1": 3054, "reconnecting-websocket 4.4": 3330,
  "graphql-ws 6.4": 3576, "react-use-websocket 4.13": 6843, "phoenix 1.8.16": 7777, "@trpc/client 11.25 (wsLink)": 8981,
  "@anycable/web 1.1": 9836, "socket.io-client 4.8": 13_541, "pusher-js 8.6": 19_096, "centrifuge 5.8": 23_657, "ably 2.28": 57_931,
};

test("beside clients that have subscriptions the core is small [JS-64]", (t) => {
  const core = size("src/index.js");
  for (const [name, bytes] of Object.entries(rivals)) t.diagnostic(`${(bytes / core).toFixed(1)} times: ${name}`);
  for (const name of ["phoenix 1.8.16", "@anycable/web 1.1", "centrifuge 5.8"]) assert.ok(rivals[name] > 1.5 * core, name);
});

test("packed and installed into an empty project: Node, esbuild, TypeScript and publint take it [JS-68]", (t) => {
  const project = temporary(t, {
    "package.json": '{"type": "module", "private": true}',
    "use.js": `import {Realtime, RealTimeHandler} from "sluice-client";
      import {events} from "sluice-client/events";
      import {FakeWorld} from "sluice-client/testing";
      import {defineRealtimeStatus} from "sluice-client/indicator";
      if (Realtime !== RealTimeHandler || typeof events !== "function" || typeof defineRealtimeStatus !== "function") throw new Error("exports");
      const world = new FakeWorld();
      new Realtime({url: "/", token: "t", world}).connect();
      await world.settle();
      console.log(world.socket.url);`,
    "adapters.js": `import {realtimePlugin} from "sluice-client/vue";
      import {RealtimeProvider} from "sluice-client/react";
      console.log(realtimePlugin, RealtimeProvider);`,
    "use.ts": 'import {Realtime} from "sluice-client"; export const realtime: Realtime = new Realtime({url: "/"});',
  });
  const npm = (...args) => execFileSync("npm", args, {cwd: project, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"]});
  const packed = JSON.parse(npm("pack", folder, "--json", "--pack-destination", project));
  const {filename, files} = Array.isArray(packed) ? packed[0] : Object.values(packed)[0];
  for (const {path: file} of files) assert.match(file, /^(src\/[a-z]+\.js|[a-z]+\.d\.ts|README\.md|package\.json)$/);
  assert.ok(fs.existsSync(path.join(project, filename)));
  npm("install", "--offline", "--no-audit", "--no-fund", "--install-links", folder); // as docs/client.md says
  // The adapters take the project's frameworks, not those of the source tree: these two stand in for them.
  for (const name of ["vue", "react"]) {
    const made = path.join(project, "node_modules", name);
    fs.mkdirSync(made);
    fs.writeFileSync(path.join(made, "package.json"), JSON.stringify({name, version: "1.0.0", main: "index.cjs"}));
    fs.writeFileSync(path.join(made, "index.cjs"), `module.exports = "the project's ${name}";`);
  }
  const {outputFiles: [{text}]} = esbuild.buildSync({entryPoints: [path.join(project, "adapters.js")], bundle: true, write: false, format: "esm"});
  for (const name of ["vue", "react"]) assert.ok(text.includes(`the project's ${name}`), name);
  // Debian has one Node: the others are tried where they are installed beside it.
  const address = "wss://example.org/?jwt_token=t&accepts=ping,page_error,gaps,revoked";
  const nodes = [process.execPath, "/usr/bin/node18", "/usr/bin/node22"].filter((node) => fs.existsSync(node));
  for (const node of nodes) assert.equal(execFileSync(node, ["use.js"], {cwd: project, encoding: "utf8"}).trim(), address);
  esbuild.buildSync({entryPoints: [path.join(project, "use.js")], bundle: true, write: false, format: "esm", logLevel: "silent"});
  for (const [module, resolution] of [["nodenext", "nodenext"], ["esnext", "bundler"]]) {
    assert.equal(check("--strict", "--noEmit", "--target", "es2022", "--types", "", "--module", module, "--moduleResolution", resolution,
      path.join(project, "use.ts")), "", resolution);
  }
  const publint = path.join(folder, "node_modules/.bin/publint");
  execFileSync(process.execPath, [publint, "--strict", folder], {encoding: "utf8", stdio: ["ignore", "pipe", "pipe"]});
});

test("adapters render on a server without opening a socket [JS-59]", async () => {
  const script = `
    import {createElement as h} from "react";
    import {renderToString} from "react-dom/server";
    import {createSSRApp, h as vueH} from "vue";
    import {renderToString as renderVue} from "vue/server-renderer";
    import * as react from "./src/react.js";
    import * as vue from "./src/vue.js";
    let opened = 0;
    globalThis.WebSocket = class { constructor() { opened += 1; } };
    const options = {url: "wss://example.org/", token: "t"};
    const Shown = () => {
      react.useEvent("x", () => {});
      return h("p", {}, react.useStatus().name + " " + react.useSubscription("table", {table_id: 1}, {load() {}}).state);
    };
    process.stdout.write(renderToString(h(react.RealtimeProvider, options, h(Shown))));
    const app = createSSRApp({setup() {
      vue.useEvent("x", () => {});
      const status = vue.useStatus();
      const {state} = vue.useSubscription("table", () => ({table_id: 1}), {load() {}});
      return () => vueH("p", status.value.name + " " + state.value);
    }});
    app.use(vue.realtimePlugin, options);
    process.stdout.write(await renderVue(app));
    await new Promise((done) => setTimeout(done, 50));
    process.stdout.write(" " + opened);`;
  assert.equal(execFileSync(process.execPath, ["--input-type=module", "-e", script], {cwd: folder, encoding: "utf8"}),
    "<p>idle idle</p><p>idle idle</p> 0");
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
