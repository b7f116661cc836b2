# SPDX-License-Identifier: MIT
# Starts no program of the build.
"""docs/codes.md has every close code, HTTP status, ErrorCode, log line, counter and limit, each with a test, and is up to
date."""
import copy
import unittest

import codes_page
import house

TABLES = {"close_codes": 12, "statuses": 19, "errors": 17, "log_lines": 60, "counters": 110, "limits": 2}  # at least


def page(entries):
    return codes_page.Page(house.ROOT, entries)


class Codes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.entries = codes_page.texts(house.ROOT)
        cls.page = page(cls.entries)

    def test_every_code_has_its_texts_and_a_test_that_exists(self):
        self.assertEqual(self.page.complaints, [])
        for name, least in TABLES.items():
            self.assertGreaterEqual(len(self.entries[name]), least, name)

    def test_the_page_is_up_to_date(self):
        written = (house.ROOT / codes_page.PAGE).read_text()
        self.assertTrue(written == self.page.text, "run tests/structure/codes_page.py --write")

    def test_each_code_without_a_text_is_reported(self):
        changed = copy.deepcopy(self.entries)
        taken = {"close_codes": "too_big", "statuses": "429", "errors": "no_room", "log_lines": "tls_failed",
                 "counters": "sluice_server_pings"}
        for name, entry in taken.items():
            del changed[name][entry]
        del changed["limits"]["ServerLimits"]["lifetime"]
        self.assertEqual(page(changed).complaints, [
            "close code too_big has no entry in docs/codes",
            "status 429 has no entry in docs/codes",
            "error code no_room has no entry in docs/codes",
            "log line 'tls: a connection failed: {}{}' of src/net/shard/server_shard.cpp ServerShard::tls_failed has 0 "
            "entries in docs/codes",
            "counter sluice_server_pings has no entry in docs/codes",
            "limit ServerLimits.lifetime has no entry in docs/codes"])

    def test_each_text_without_a_code_or_a_test_is_reported(self):
        changed = copy.deepcopy(self.entries)
        entry = {"meaning": "m", "cause": "c", "remedy": "r", "test": "there is no such test", "line": "no such line"}
        for name in ("close_codes", "statuses", "errors", "log_lines", "counters"):
            changed[name]["unheard_of"] = entry
        changed["limits"]["ServerLimits"]["unheard_of"] = entry
        del changed["errors"]["no_room"]["cause"]
        found = page(changed).complaints
        self.assertIn("error code no_room has no cause", found)
        for kind in ("close code", "status", "error code", "log line", "counter", "limit"):
            full = "ServerLimits.unheard_of" if kind == "limit" else "unheard_of"
            if kind == "log line":
                self.assertIn("log line unheard_of has an entry in docs/codes, and nothing logs it", found)
            else:
                self.assertIn(f"{kind} {full} has an entry in docs/codes, and nothing emits it", found)
            self.assertIn(f'{kind} {full}: there is no test "there is no such test"', found)

    def test_a_test_that_does_not_mention_its_code_is_reported(self):
        changed = copy.deepcopy(self.entries)
        changed["counters"]["sluice_server_pings"]["test"] = "a task may be finished from the start"
        changed["statuses"]["421"]["test"] = "a task may be finished from the start"
        self.assertEqual(page(changed).complaints, [
            "status 421: its tests do not mention it", "counter sluice_server_pings: its tests do not mention it"])


if __name__ == "__main__":
    unittest.main(argv=["codes"])
