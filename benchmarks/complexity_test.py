# SPDX-License-Identifier: MIT
"""What docs/limits.md says of costs is so. usage: complexity_test.py PROGRAM

callgrind counts each path at a size, twice and four times the size. What the second doubling adds is twice what the
first one added for a linear path, a little more for n log n, and four times as much for a quadratic one.
"""
import re
import subprocess
import sys
import unittest
from pathlib import Path

PROGRAM = ""
SIZE = 1000
MOST = {"linear": 2.5, "n log n": 2.8}


def table():
    """path -> what it costs"""
    page = Path(__file__).parent.parent / "docs/limits.md"
    section = page.read_text().split("## Work grows linearly with its cause")[1]
    return dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", section, re.M))


def counted(path, size):
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", PROGRAM, path, str(size)],
                          capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", done.stderr)[1])


class Complexity(unittest.TestCase):
    def test_each_path_costs_what_the_page_says(self):
        listed = subprocess.run([PROGRAM], capture_output=True, text=True).stderr.split("\n")[1:]
        self.assertEqual(set(table()), {line.strip() for line in listed if line})
        for path, cost in table().items():
            with self.subTest(path):
                one, two, four = (counted(path, factor * SIZE) for factor in (1, 2, 4))
                growth = (four - two) / (two - one)
                print(f"{path:<20}{(two - one) / SIZE:>8.0f} instructions each, x {growth:.2f} for the next doubling")
                self.assertLess(growth, MOST[cost])


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
