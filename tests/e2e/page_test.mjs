// SPDX-License-Identifier: MIT
// The web page of 03_table_pages in Chromium: two windows that see each other's changes. Leaves screenshots in the build
// folder, to be looked at.
import assert from "node:assert/strict";
import fs from "node:fs";
import test from "node:test";
import {browser} from "./support/browser.mjs";
import {patience, start} from "./support/example.mjs";

const screenshots = `${process.env.SLUICE_BUILD_DIR}/screenshots`;
fs.mkdirSync(screenshots, {recursive: true});

/// A window of its own, that reports whatever goes wrong in the page.
async function open(t, started, url) {
  const page = await (await started.newContext({viewport: {width: 1280, height: 760}})).newPage();
  page.setDefaultTimeout(patience);
  page.troubles = [];
  page.on("pageerror", (error) => page.troubles.push(error.message));
  page.on("console", (line) => line.type() === "error" && page.troubles.push(line.text()));
  await page.goto(url);
  return page;
}

async function sign_in(t, started, url, name) {
  const page = await open(t, started, url);
  await page.click(`.choice[data-user=${name}]`);
  await page.waitForSelector("#connection[state=live]");
  return page;
}

const cell = (page, row, column) => page.locator(`tbody tr:nth-child(${row}) td[data-column="${column}"]`);
const shows = (page, row, column, text) =>
  cell(page, row, column).filter({hasText: new RegExp(`^${text}$`)}).waitFor({timeout: patience});

async function edit(page, row, column, text) {
  await cell(page, row, column).click();
  await page.fill("td.editing textarea", text);
  await page.keyboard.press("Enter");
}

test("two windows edit one table, and one loses it", async (t) => {
  const {url} = await start(t, "03_table_pages");
  const started = await browser(t);
  const sign_in_page = await open(t, started, url);
  await sign_in_page.waitForSelector(".choice");
  await sign_in_page.screenshot({path: `${screenshots}/sign-in.png`});
  const ada = await sign_in(t, started, url, "ada");
  const ben = await sign_in(t, started, url, "ben");
  const guest = await open(t, started, `${url}/view/public`);
  for (const page of [ada, ben, guest]) await shows(page, 1, "Country", "Algeria");
  assert.equal(await guest.locator("th", {hasText: "Notes"}).count(), 0);

  await edit(ada, 3, "Capital", "Sydney");
  for (const page of [ada, ben, guest]) await shows(page, 3, "Capital", "Sydney");
  await ben.waitForSelector("td.theirs");
  await ben.screenshot({path: `${screenshots}/change-of-another.png`});
  await edit(ben, 3, "Area in 1000 km²", "7700");
  await shows(ada, 3, "Area in 1000 km²", "7700");
  assert.match(await cell(ada, 3, "Area in 1000 km²").getAttribute("class"), /number/);

  // A row is watched, added and deleted.
  await ada.click("tbody tr:nth-child(3) td.handle button");
  await ada.locator("#row ol li", {hasText: "watching"}).waitFor();
  await edit(ben, 3, "Notes", "seen from the side");
  await ada.locator("#row ol li", {hasText: "Notes: – → seen from the side"}).waitFor();
  await ada.screenshot({path: `${screenshots}/owner.png`});
  await ben.click("#add-row");
  await ben.fill("td.editing textarea", "Atlantis");
  await ben.keyboard.press("Enter");
  await shows(ada, 83, "Country", "Atlantis");
  await ada.locator("#facts", {hasText: "83 rows"}).waitFor();
  await ada.hover("tbody tr:nth-child(83)");
  await ada.click("tbody tr:nth-child(83) td.tools button");
  for (const page of [ada, ben, guest]) await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 82);

  await ada.click(".person[data-user=ben] button:has-text('Revoke')");
  await ben.locator("#card h2", {hasText: "taken away"}).waitFor();
  await ben.screenshot({path: `${screenshots}/taken-away.png`});
  await ada.click(".person[data-user=ben] button:has-text('Share')");
  await shows(ben, 3, "Capital", "Sydney");
  await ada.click(".person[data-user=ben] button:has-text('Disconnect')");
  await ben.locator("#card h2", {hasText: "signed out"}).waitFor();
  await guest.screenshot({path: `${screenshots}/guest.png`});
  for (const page of [ada, ben, guest]) assert.deepEqual(page.troubles, []);
});

test("a window that lost its connection comes back with what it missed", async (t) => {
  // [FE-8] [FE-11]
  const {url} = await start(t, "03_table_pages");
  const started = await browser(t);
  const ada = await sign_in(t, started, url, "ada");
  const ben = await sign_in(t, started, url, "ben");
  await shows(ben, 1, "Country", "Algeria");
  await ben.evaluate(() => realtime.disconnect());
  await ben.waitForSelector("#connection[state=idle]", {state: "attached"});
  await edit(ada, 1, "Capital", "missed");
  await shows(ada, 1, "Capital", "missed");
  await ben.evaluate(() => realtime.connect());
  await shows(ben, 1, "Capital", "missed");
  await edit(ada, 1, "Capital", "heard again");
  await shows(ben, 1, "Capital", "heard again");
});
