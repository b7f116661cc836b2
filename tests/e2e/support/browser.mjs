// SPDX-License-Identifier: MIT
// A real browser, Debian's Chromium, for the time of a test.
import {chromium} from "playwright-core";

export async function browser(t, ...options) {
  const started = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync", ...options],
  });
  t.after(() => started.close());
  return started;
}
