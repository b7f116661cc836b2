# SPDX-License-Identifier: MIT
"""docs/locks.md names every mutex of the library, and the order in which they may be taken has no circle."""
import re
import unittest

import house

MUTEX = re.compile(r"std::(?:recursive_|shared_|timed_)?mutex\s+\w+;")


def rows(root=house.ROOT):
    """name -> (file, names that may be taken while it is held)."""
    lines = (root / "docs" / "locks.md").read_text().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")][2:]
    return {name: (file, house.listed(then)) for name, file, _, then in cells}


def files_with_a_mutex(root=house.ROOT):
    return {str(path.relative_to(root)) for path in house.sources(root, "include", "src") if MUTEX.search(path.read_text())}


def circle(then):
    """A lock that can come to be taken while it is held; None if there is none."""
    def reaches(name, seen):
        for other in then[name]:
            if other not in seen:
                seen.add(other)
                reaches(other, seen)
        return seen
    return next((name for name in then if name in reaches(name, set())), None)


class Locks(unittest.TestCase):
    def test_every_mutex_is_in_the_table(self):
        self.assertEqual(files_with_a_mutex(), {file for file, _ in rows().values()})

    def test_what_may_be_taken_is_in_the_table_and_has_no_circle(self):
        then = {name: others for name, (_, others) in rows().items()}
        for name, others in then.items():
            self.assertLessEqual(others, then.keys(), name)
        self.assertIsNone(circle(then))

    def test_each_broken_rule_is_reported(self):
        self.assertEqual(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}), "a")
        self.assertIsNone(circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}))
        files = {"src/core/bare.cpp": "std::mutex mutex_;", "include/sluice/core/ok.hpp": "// a std::mutex, they say"}
        with house.tree(files) as folder:
            self.assertEqual(files_with_a_mutex(house.Path(folder)), {"src/core/bare.cpp"})


if __name__ == "__main__":
    unittest.main(argv=["locks"])
