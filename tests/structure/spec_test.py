# SPDX-License-Identifier: MIT
"""tests/run --spec tells what it should: here, of a table and tests made up for it."""
import unittest
from pathlib import Path

import house
import spec

TABLE = """\
| item | what Sluice does | |
|---|---|---|
| SC-1 | It does this. | tested |
| SC-2 | It does that. | tested |
| SC-3 | It does not. | There is none of it here. |
| SC-4 | It might. | |
| SC-5 | It does not, they say. | Cannot be tested. |
| SC-6 | It does in Python. | tested |
| SC-7 | Who knows? | |
| FE-1 | It is in a scenario. | tested |
| FE-2 | It is in none. | tested |
"""


class Spec(unittest.TestCase):
    def test_open_items_are_listed(self):
        # Tags are put together here, so that this file has none of its own.
        tag = "[{}]".format
        files = {
            "docs/behaviour.md": TABLE,
            "docs/redis.md": "| R-1 | It sends this. | tested |\n| R-2 | It reads that. | tested |\n",
            "tests/core/a_test.cpp": f'TEST_CASE("one", "[core]{tag("SC-1")}{tag("SC-5")}{tag("R-1")}") {{}}\n// {tag("SC-2")}\n',
            "tests/core/b_test.py": f"# {tag('SC-6')} {tag('SC-99')} {tag('RFC-1')}\n",
            "clients/scenarios/a.json": '{"items": ["FE-1", "JS-7"]}',
            "tests/core/a_suite.hpp": f'TEST_CASE("any", "{tag("SC-4")}") {{}}\n',
        }
        with house.tree(files) as folder:
            self.assertEqual(spec.complaints(Path(folder)), [
                "SC-2: the table says tested, no test carries [SC-2]",
                "SC-4: there is a test in tests/core/a_suite.hpp, the table gives a reason for having none",
                "SC-5: there is a test in tests/core/a_test.cpp, the table gives a reason for having none",
                "SC-7: neither a test nor a reason",
                "FE-2: the table says tested, no test carries [FE-2]",
                "R-2: the table says tested, no test carries [R-2]",
                "SC-99: tagged in tests/core/b_test.py, but not in the table",
            ])

    def test_the_table_is_whole(self):
        """Every section counts from 1 without a gap, and no cell is empty."""
        sections = {}
        for item, verdict in spec.items(house.ROOT).items():
            section, number = item.split("-")
            sections.setdefault(section, []).append(int(number))
            self.assertTrue(verdict, item)
        self.assertEqual({name: len(numbers) for name, numbers in sections.items()},
                         {"SC": 14, "MW": 17, "LC": 27, "DI": 11, "CL": 32, "CC": 33, "PT": 9, "BT": 12, "FE": 18, "TH": 3,
                          "R": 45, "I": 7})
        self.assertEqual(sections.pop("R"), [*range(1, 36), *range(40, 50)])  # the other layer's begin at 40
        for name, numbers in sections.items():
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)), name)


if __name__ == "__main__":
    unittest.main(argv=["spec"])
