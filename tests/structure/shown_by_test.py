# SPDX-License-Identifier: MIT
"""Pages have tables whose last column is "shown by", and names tests: each of them is there, and no row stands without
one or without a reason."""
import re
import unittest
from pathlib import Path

import house

PAGES = {"docs/security.md": 30, "docs/redis.md": 15, "docs/nats.md": 15}  # and how many rows they have at least
NAME = re.compile(r"`([^`]+)`")
CASE = re.compile(r'\b(?:TEMPLATE_LIST_)?TEST_CASE\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)')
TESTS = {
    ".cpp": CASE,
    ".hpp": CASE,
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


def rows(page):
    """The first cell of each row -> the cell that says what shows it."""
    found, watched = {}, False
    for line in page.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            watched = False
        elif cells[-1] == "shown by":
            watched = True
        elif watched and not cells[0].startswith("---"):
            found[cells[0]] = cells[-1]
    return found


def complaints(page, root):
    known, found = tests(root), []
    for about, shown in rows(page).items():
        names = NAME.findall(shown)
        found += [f"{about}: there is no test \"{name}\"" for name in names if name not in known]
        if not names and not shown.startswith("not by a test of ours: "):
            found.append(f"{about}: neither a test nor a reason")
    return found


class ShownBy(unittest.TestCase):
    def test_every_test_that_a_page_names_is_there(self):
        for page, least in PAGES.items():
            self.assertEqual(complaints(house.ROOT / page, house.ROOT), [], page)
            self.assertGreaterEqual(len(rows(house.ROOT / page)), least, page)

    def test_each_fault_is_reported(self):
        row = "| {} | something | {} |\n".format
        files = {
            "docs/page.md": "| other | table |\n|---|---|\n| a | b |\n\n| threat | what stops it | shown by |\n|---|---|---|\n"
                                + row("floods", "`one`, `two`, `test_three`, `four`, `five_fuzz`, `six`")
                                + row("bombs", "`gone`") + row("worms", "a feeling")
                                + row("clocks", "not by a test of ours: why"),
            "tests/net/a_test.cpp": 'TEST_CASE("one", "[net]") {}\nTEST_CASE("tw"\n          "o", "[net]") {}\n',
            "tests/net/d_test.cpp": 'TEMPLATE_LIST_TEST_CASE("six", "[net]", Layers) {}\n',
            "tests/net/b_test.py": "def test_three(self): ...\n",
            "tests/net/c_test.mjs": 'test("four", async (t) => {});\n',
            "tests/fuzz/five_fuzz.cpp": "",
        }
        with house.tree(files) as folder:
            self.assertEqual(complaints(Path(folder, "docs/page.md"), Path(folder)),
                             ['bombs: there is no test "gone"', "worms: neither a test nor a reason"])


if __name__ == "__main__":
    unittest.main(argv=["shown_by"])
