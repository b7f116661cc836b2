# SPDX-License-Identifier: MIT
"""The scripts that people type, and the command line that every example has."""
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import house

EXAMPLES = sorted(path.stem for path in (house.ROOT / "examples").glob("[0-9][0-9]_*") if path.suffix in ("", ".cpp"))
NOBODY = 65534


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, **options)


class ExamplesRun(unittest.TestCase):
    def test_list_has_a_line_with_a_caption_for_each(self):
        lines = run(house.ROOT / "examples/run", "--list").stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines], EXAMPLES)
        for line in lines:
            self.assertGreater(len(line.split()), 1, line)

    def test_an_unknown_name_lists_the_known_ones(self):
        done = run(house.ROOT / "examples/run", "no_such_example")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no_such_example", done.stderr)
        for example in EXAMPLES:
            self.assertIn(example, done.stderr)

    def test_help_prints_the_usage(self):
        done = run(house.ROOT / "examples/run", "--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("examples/run --list", done.stdout)


class ExamplePrograms(unittest.TestCase):
    def test_help_goes_to_stdout_and_a_wrong_option_to_stderr(self):
        for example in EXAMPLES:
            with self.subTest(example):
                program = house.BUILD / "examples" / example
                helped = run(program, "--help")
                self.assertEqual(helped.returncode, 0)
                self.assertTrue(helped.stdout.startswith(f"usage: {example} "), helped.stdout)
                wrong = run(program, "--no-such-option")
                self.assertEqual((wrong.returncode, wrong.stdout), (2, ""))
                self.assertIn("unknown option --no-such-option", wrong.stderr)
                self.assertIn(f"usage: {example} ", wrong.stderr)


class Packages(unittest.TestCase):
    """What the scripts say on a machine on which nothing is installed. Nothing is installed for it."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.copy = Path(self.folder.name)
        for name in ("cmake/packages", "cmake/prepare.sh", "tests/run", "examples/run"):
            (self.copy / name).parent.mkdir(exist_ok=True)
            shutil.copy(house.ROOT / name, self.copy / name)
        for name in ("01_first.cpp", "03_table_pages.cpp"):
            (self.copy / "examples" / name).write_text("// SPDX-License-Identifier: MIT\n// A caption.\n")
        # Only what the scripts themselves call; dpkg-query knows no package.
        tools = self.copy / "tools"
        tools.mkdir()
        for tool in ("bash", "dirname", "sed", "awk"):
            (tools / tool).symlink_to(shutil.which(tool))
        (tools / "dpkg-query").write_text("#!/bin/sh\nexit 1\n")
        (tools / "dpkg-query").chmod(0o755)
        self.copy.chmod(0o755)

    def run_as_user(self, *command):
        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        return run(self.copy / "tools/bash", self.copy / command[0], *command[1:],
                   env={"PATH": str(self.copy / "tools")}, **who)

    def test_without_root_the_missing_packages_are_named_in_one_line_to_type(self):
        for script, expected, not_expected in (("tests/run", "catch2", "clang"), ("examples/run", "g++", "catch2")):
            with self.subTest(script):
                done = self.run_as_user(script)
                self.assertEqual(done.returncode, 1, done.stderr)
                lines = [line for line in done.stderr.splitlines() if "sudo apt-get install" in line]
                self.assertEqual(len(lines), 1, done.stderr)
                self.assertIn(expected, lines[0].split())
                self.assertNotIn(not_expected, lines[0].split())

    def test_an_installed_command_satisfies_its_package(self):
        (self.copy / "tools/cmake").write_text("")
        (self.copy / "tools/cmake").chmod(0o755)
        done = self.run_as_user("examples/run", "01_first")
        self.assertIn("ninja-build", done.stderr.split())
        self.assertNotIn("cmake", done.stderr.split())


if __name__ == "__main__":
    unittest.main(argv=["scripts"])
