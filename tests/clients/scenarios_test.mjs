// SPDX-License-Identifier: MIT
// The scenarios of clients/scenarios, played to the JavaScript client.
// Starts no program of the build.
import fs from "node:fs";
import test from "node:test";
import {play} from "./support/player.mjs";

const folder = new URL("../../clients/scenarios/", import.meta.url);

for (const file of fs.readdirSync(folder).filter((name) => name.endsWith(".json"))) {
  const scenario = JSON.parse(fs.readFileSync(new URL(file, folder)));
  test(`${scenario.name} [${scenario.items.join("] [")}]`, () => play(scenario));
}
