# SPDX-License-Identifier: MIT
"""docs/limits.md has a row for every limit, and the counters and tests that it names exist."""
import re
import unittest

import house


STRUCTS = ("ServerLimits", "ConsumerLimits")


def rows(*structs):
    """limit -> its row's cells, from the sections of these structs."""
    found, struct = {}, None
    for line in (house.ROOT / "docs/limits.md").read_text().splitlines():
        if line.startswith("## "):
            struct = next((name for name in STRUCTS if line.endswith(f": `{name}`")), None)
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if struct in structs and line.startswith("| `") and len(cells) == 5:
            found[cells[0].strip("`")] = cells
    return found


def members(header, struct):
    text = (house.ROOT / "include/sluice" / header).read_text()
    body = re.search(rf"struct (?:SLUICE_API )?{struct} {{(.*?)^}};", text, re.M | re.S).group(1)
    body = re.sub(r"//[^\n]*", "", body)
    return {match.group(1) for match in re.finditer(r"(\w+)(?:\s*=[^;]*|{[^;]*})?;", body)}


class LimitsPage(unittest.TestCase):
    def test_it_has_every_limit_and_no_other(self):
        for struct in STRUCTS:
            self.assertEqual(set(rows(struct)), members("transport/limits.hpp", struct))

    def test_no_limit_stands_in_two_structs(self):
        self.assertFalse(set.intersection(*(members("transport/limits.hpp", struct) for struct in STRUCTS)))

    def test_its_counters_exist(self):
        counters = members("net/server_stats.hpp", "ServerStats") | members("consumer/host.hpp", "HostStats")
        for limit, cells in rows(*STRUCTS).items():
            named = re.findall(r"`(\w+)`", cells[3])
            self.assertTrue(named, limit)
            self.assertLessEqual(set(named), counters, limit)

    def test_its_tests_exist(self):
        tests = "".join(path.read_text() for path in house.sources(house.ROOT, "tests") if path.suffix == ".cpp")
        tests = re.sub(r'"\s*\n\s*"', "", tests)
        for limit, cells in rows(*STRUCTS).items():
            self.assertIn(f'TEST_CASE("{cells[4]}"', tests, limit)


if __name__ == "__main__":
    unittest.main(argv=["limits"])
