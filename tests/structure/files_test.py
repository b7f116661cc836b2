# SPDX-License-Identifier: MIT
"""Every source names its licence, no file of the library grows past what one reads in a sitting, and no merge is half
done."""
import re
import unittest
from pathlib import Path

import house

LICENCE = "SPDX-License-Identifier: MIT"
LONG = 300
TOO_LONG = 350
# A file that is longer for now, and what will be done about it.
MAY_BE_LONGER = {}
HALF_MERGED = re.compile(r"^(<{7}|>{7}) ", re.MULTILINE)


def without_licence(root):
    folders = ["include", "src", "tests", "examples", "benchmarks"]
    found = []
    for path in house.sources(root, *folders):
        first = path.read_text().splitlines()[:2]
        if not any(LICENCE in line for line in first):
            found.append(str(path.relative_to(root)))
    return found


def longer_than(lines, root):
    return [f"{path.relative_to(root)}: {length} lines"
            for path in house.sources(root, "include", "src")
            if (length := len(path.read_text().splitlines())) > lines and str(path.relative_to(root)) not in MAY_BE_LONGER]


def half_merged(root):
    paths = house.sources(root, "include", "src", "tests", "examples", "benchmarks")
    paths += [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    return [str(path.relative_to(root)) for path in paths if path.exists() and HALF_MERGED.search(path.read_text())]


def version_in_header(root):
    text = (root / "include/sluice/version.hpp").read_text()
    numbers = [re.search(rf"version_{part} = (\d+);", text)[1] for part in ("major", "minor", "patch")]
    return numbers, re.search(r'version = "(.*)";', text)[1]


class Files(unittest.TestCase):
    def test_the_header_has_the_version_of_the_project(self):
        version = house.version()
        self.assertEqual(version_in_header(house.ROOT), (version, ".".join(version)))

    def test_every_source_names_its_licence(self):
        self.assertEqual(without_licence(house.ROOT), [])

    def test_no_file_of_the_library_is_too_long(self):
        for file in longer_than(LONG, house.ROOT):
            print("getting long:", file)
        self.assertEqual(longer_than(TOO_LONG, house.ROOT), [])

    def test_no_merge_is_half_done(self):
        self.assertEqual(half_merged(house.ROOT), [])

    def test_each_broken_rule_is_seen(self):
        files = {
            "src/core/good.cpp": f"// {LICENCE}\n" + "\n" * 349,
            "src/core/long.cpp": f"// {LICENCE}\n" + "\n" * 350,
            "tests/core/bare_test.cpp": "int main() {}\n",
            "tests/node_modules/other.js": "",
            "docs/guide.md": "ours and theirs\n" + "<" * 7 + " HEAD\nours\n" + "=" * 7 + "\ntheirs\n" + ">" * 7 + " main\n",
        }
        with house.tree(files) as folder:
            self.assertEqual(without_licence(Path(folder)), ["tests/core/bare_test.cpp"])
            self.assertEqual(longer_than(TOO_LONG, Path(folder)), ["src/core/long.cpp: 351 lines"])
            self.assertEqual(half_merged(Path(folder)), ["docs/guide.md"])


if __name__ == "__main__":
    unittest.main(argv=["files"])
