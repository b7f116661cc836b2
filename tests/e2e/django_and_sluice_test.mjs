// SPDX-License-Identifier: MIT
// 07_django_and_sluice: what is posted to Django is heard at a socket of Sluice's.
import assert from "node:assert/strict";
import {execFileSync} from "node:child_process";
import test from "node:test";
import {OwnRedis} from "./support/redis.mjs";
import {Client, start} from "./support/example.mjs";

test("a form and a command of Django's reach the browsers", async (t) => {
  const redis = await OwnRedis.start(t);
  const {url, socket} = await start(t, "07_django_and_sluice", "--redis", redis.url);
  const client = await Client.connect(t, `${socket}/ws/notices/`);

  const page = await fetch(url);
  assert.notEqual(page.url, `${url}/`, "Sluice sends who wants a page to Django");
  const html = await page.text();
  assert.match(html, new RegExp(`${socket}/ws/notices/`));
  const token = /name="csrfmiddlewaretoken" value="([^"]+)"/.exec(html)[1];
  const posted = await fetch(new URL("/notices/", page.url), {
    method: "POST",
    headers: {cookie: page.headers.get("set-cookie").split(";")[0], referer: page.url},
    body: new URLSearchParams({text: "from a form", csrfmiddlewaretoken: token}),
  });
  assert.equal(posted.status, 204);
  assert.deepEqual(await client.hear(), {type: "notice", text: "from a form"});

  const project = `${process.env.SLUICE_SOURCE_DIR}/examples/07_django_and_sluice`;
  execFileSync("/usr/bin/python3", [`${project}/manage.py`, "notice", "from a shell"],
    {cwd: project, env: {...process.env, REDIS_URL: redis.url}});
  assert.deepEqual(await client.hear(), {type: "notice", text: "from a shell"});
});
