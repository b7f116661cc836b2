# SPDX-License-Identifier: MIT
"""The hot paths take no more instructions than recorded. usage: instructions_test.py PROGRAM

callgrind counts two runs, one twice as long: the difference is the path alone, the same on a busy machine.
"""
import re
import subprocess
import sys
import unittest
from pathlib import Path

PROGRAM = ""
MARGIN = 1.15  # what another compiler or library may add
ROUNDS = 500


def bounds():
    """path -> instructions"""
    lines = Path(__file__).with_name("instructions.bounds").read_text().splitlines()
    return {line.split()[0]: int(line.split()[-1]) for line in lines if line and not line.startswith("#")}


def counted(path, rounds):
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", PROGRAM, path, str(rounds)],
                          capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", done.stderr)[1])


def instructions(path):
    return (counted(path, 2 * ROUNDS) - counted(path, ROUNDS)) / ROUNDS


class Instructions(unittest.TestCase):
    def test_no_hot_path_takes_more_than_recorded(self):
        for path, bound in bounds().items():
            with self.subTest(path):
                found = instructions(path)
                print(f"{path:<10}{found:>8.0f} instructions, {found / bound:.2f} of the recorded {bound}")
                self.assertGreater(found, 0)
                self.assertLess(found, bound * MARGIN)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
