# SPDX-License-Identifier: MIT
"""docs/security.md names tests: each of them is there, and no threat stands without one or without a reason."""
import re
import unittest
from pathlib import Path

import house

NAME = re.compile(r"`([^`]+)`")
TESTS = {
    ".cpp": re.compile(r'\bTEST_CASE\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)'),
    ".hpp": re.compile(r'\bTEST_CASE\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)'),
    ".py": re.compile(r"\bdef (test_\w+)"),
    ".mjs": re.compile(r'^test\(["`](.*?)["`],', re.MULTILINE),
}


def tests(root):
    """Every test case, script test and fuzzer by its name."""
    found = set()
    for path in house.sources(root, "tests"):
        if path.stem.endswith("_fuzz"):
            found.add(path.stem)
        if path.suffix in TESTS:
            for name in TESTS[path.suffix].findall(path.read_text()):
                found.add("".join(re.findall(r'"((?:[^"\\]|\\.)*)"', name)) or name)
    return found


def rows(root):
    """threat -> the cell that says what shows it."""
    table = re.findall(r"^\|([^|]+)\|[^|]+\|([^|]+)\|$", (root / "docs/security.md").read_text(), re.MULTILINE)
    return {threat.strip(): shown.strip() for threat, shown in table if threat.strip() not in ("threat", "---")}


def complaints(root):
    known, found = tests(root), []
    for threat, shown in rows(root).items():
        names = NAME.findall(shown)
        found += [f"{threat}: there is no test \"{name}\"" for name in names if name not in known]
        if not names and not shown.startswith("not by a test of ours: "):
            found.append(f"{threat}: neither a test nor a reason")
    return found


class Security(unittest.TestCase):
    def test_every_test_that_the_page_names_is_there(self):
        self.assertEqual(complaints(house.ROOT), [])
        self.assertGreater(len(rows(house.ROOT)), 30)

    def test_each_fault_is_seen(self):
        row = "| {} | something | {} |\n".format
        files = {
            "docs/security.md": "| threat | what stops it | shown by |\n|---|---|---|\n"
                                + row("floods", "`one`, `two`, `test_three`, `four`, `five_fuzz`")
                                + row("bombs", "`gone`") + row("worms", "a feeling")
                                + row("clocks", "not by a test of ours: why"),
            "tests/net/a_test.cpp": 'TEST_CASE("one", "[net]") {}\nTEST_CASE("tw"\n          "o", "[net]") {}\n',
            "tests/net/b_test.py": "def test_three(self): ...\n",
            "tests/net/c_test.mjs": 'test("four", async (t) => {});\n',
            "tests/fuzz/five_fuzz.cpp": "",
        }
        with house.tree(files) as folder:
            self.assertEqual(complaints(Path(folder)),
                             ['bombs: there is no test "gone"', "worms: neither a test nor a reason"])


if __name__ == "__main__":
    unittest.main(argv=["security"])
