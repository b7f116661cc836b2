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
    """The three numbers, the name, and the inline namespace, which is each minor version's own before 1.0."""
    text = (root / "include/sluice/version.hpp").read_text()
    numbers = [re.search(rf"#define SLUICE_VERSION_{part} (\d+)", text)[1] for part in ("MAJOR", "MINOR", "PATCH")]
    namespace = re.search(r"#define SLUICE_ABI inline (\w+)", (root / "include/sluice/abi.hpp").read_text())[1]
    return numbers, re.search(r'version = "(.*)";', text)[1], namespace


def namespace_of(version):
    major, minor, _ = version
    return f"v0_{minor}" if major == "0" else f"v{major}"


def outside_of_the_inline_namespace(root):
    """What is declared outside of it would be shared by two versions in one process."""
    plain = re.compile(r"^namespace sluice(?!::SLUICE_ABI\b)", re.MULTILINE)
    return [str(path.relative_to(root)) for path in house.sources(root, "include", "src") if plain.search(path.read_text())]


class Files(unittest.TestCase):
    def test_the_header_has_the_version_of_the_project(self):
        version = house.version()
        self.assertEqual(version_in_header(house.ROOT), (version, ".".join(version), namespace_of(version)))

    def test_everything_is_in_the_inline_namespace_of_its_version(self):
        self.assertEqual(outside_of_the_inline_namespace(house.ROOT), [])

    def test_every_source_names_its_licence(self):
        self.assertEqual(without_licence(house.ROOT), [])

    def test_no_file_of_the_library_is_too_long(self):
        for file in longer_than(LONG, house.ROOT):
            print("getting long:", file)
        self.assertEqual(longer_than(TOO_LONG, house.ROOT), [])

    def test_no_merge_is_half_done(self):
        self.assertEqual(half_merged(house.ROOT), [])

    def test_each_broken_rule_is_reported(self):
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
