# SPDX-License-Identifier: MIT
"""GET /metrics, /healthz and /readyz of 03_table_pages; the metrics are read by the parsers of Prometheus."""
import asyncio
import http.client
import json
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

from support.example import PATIENCE, Example, jwt

SECRET = "a secret of the tests"
SOURCES = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCES / "tests/structure"))
import metrics_test as page  # noqa: E402  (docs/observability.md, as the structure tests read it)


def fetch(port, path="/metrics", host=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={"Host": host} if host else {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def families(text):
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
    return {family.name: family for family in text_string_to_metric_families(text)}


class Metrics(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.example = self.enterContext(Example("03_table_pages", "--jwt-secret", SECRET, "--metrics-port", "0", "--stop-window", "3"))
        line = self.example.process.stdout.readline()
        self.port = int(re.fullmatch(r"metrics on http://127\.0\.0\.1:(\d+)/metrics\n", line)[1])

    def numbers(self):
        """name, as it is in the text, with its labels -> value"""
        status, headers, text = fetch(self.port)
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "application/openmetrics-text; version=1.0.0; charset=utf-8")
        return {(sample.name, tuple(sample.labels.items())): sample.value
                for family in families(text).values() for sample in family.samples}

    async def follow(self, **subscription):
        client = await self.example.connect(f"/ws/core/?jwt_token={jwt(SECRET, user_id=1)}")
        self.addAsyncCleanup(client.close)
        await client.hear()
        await client.say(subscription)
        await client.hear()

    async def test_a_real_parser_reads_the_metrics_of_the_table_example(self):
        before = self.numbers()
        await self.follow(page="table", table_id=1)
        fetch(self.example.port, "/api/tables/1")  # no token: 401
        after = self.numbers()
        grown = {name: after[name] - before.get(name, 0) for name in after}
        for name, more in {"sluice_server_opened_total": 1, "sluice_server_open": 1, "sluice_host_accepted_total": 1,
                           "sluice_pages_added_total": 1, "sluice_auth_accepted_total": 1,
                           "sluice_server_received_messages_total": 1}.items():
            self.assertEqual(grown[name, ()], more, name)
        self.assertGreater(after["sluice_layer_channels", ()], 0)

    async def test_every_metric_has_its_row_with_type_unit_and_meaning(self):
        fetch(self.example.port, "/nowhere", host="127.0.0.1")
        connection = http.client.HTTPConnection("127.0.0.1", self.example.port, timeout=PATIENCE)
        connection.request("GET", "/" + "x" * 9000)  # 414, so that a refusal is counted
        connection.getresponse().read()
        connection.close()
        rows = page.rows_of_page()
        shown = families(fetch(self.port)[2])
        self.assertIn("sluice_server_refused", shown)
        for name, family in shown.items():
            kind, unit, meaning = rows[name]
            self.assertEqual((family.type, family.unit), (kind, unit), name)
            if name != "sluice_server_refused":
                self.assertEqual(family.documentation, meaning, name)
        missing = {name for name in rows if not name.startswith(("sluice_redis", "sluice_nats", "sluice_bus"))} - set(shown)
        self.assertEqual(missing, set())

    async def test_times_and_sizes_are_histograms_that_grow(self):
        await self.follow(page="table", table_id=1)
        fetch(self.example.port, "/api/users")
        after = self.numbers()
        for name, labels in (("sluice_host_handler_seconds", (("handler", "receive"),)),
                             ("sluice_host_handler_seconds", (("handler", "connect"),)),
                             ("sluice_host_mailbox_wait_seconds", ()), ("sluice_server_http_seconds", ()),
                             ("sluice_server_output_waited_bytes", ())):
            count = after[f"{name}_count", labels]
            self.assertEqual(count, after[f"{name}_bucket", (*labels, ("le", "+Inf"))], name)
            self.assertEqual(count > 0, "bytes" not in name, name)
            self.assertEqual(after[f"{name}_sum", labels] > 0, count > 0 and "wait" not in name, name)

    async def test_a_server_that_drains_is_alive_and_not_ready(self):
        for path in ("/healthz", "/readyz"):
            status, headers, text = fetch(self.port, path)
            self.assertEqual((status, headers["Content-Type"]), (200, "application/json"), path)
            self.assertEqual(json.loads(text), {"well": True, "problems": []})
        for _ in range(4):  # the server closes each at its own moment
            await self.follow(page="table", table_id=1)
        self.example.stop()
        while (answer := fetch(self.port, "/readyz"))[0] == 200:
            await asyncio.sleep(0.01)
        self.assertEqual(answer[0], 503)
        problem, = json.loads(answer[2])["problems"]
        self.assertEqual((problem["part"], problem["cause"]), ("server", "draining"))
        self.assertRegex(problem["since"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(fetch(self.port, "/healthz")[0], 200)

    async def test_promtool_accepts_the_metrics(self):
        promtool = shutil.which("promtool")
        if not promtool:
            print("skipped: promtool is not installed", file=sys.stderr)
            return
        checked = subprocess.run([promtool, "check", "metrics"], input=fetch(self.port)[2].replace("# EOF\n", ""),
                                 capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(checked.returncode, 0, checked.stderr)

    async def test_clients_do_not_reach_the_metrics(self):
        status, _, text = fetch(self.example.port)
        self.assertEqual(status, 404, text)
        self.assertEqual(fetch(self.port, "/")[0], 404)
        self.assertEqual(fetch(self.port, host="evil.example")[0], 421)


class WithoutTheOption(unittest.TestCase):
    def test_without_the_option_there_is_no_port(self):
        with Example("03_table_pages", "--jwt-secret", SECRET) as example:
            example.stop()
            self.assertEqual(example.process.stdout.read(), "")


if __name__ == "__main__":
    unittest.main(argv=["metrics"], verbosity=2)
