# SPDX-License-Identifier: MIT
"""The API reference is written without warnings. Other versions of Doxygen warn of other things: that of Debian 12 decides,
and elsewhere the test is skipped."""
# Starts no program of the build.
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import house


def run(*command):
    done = subprocess.run(command, cwd=house.ROOT, capture_output=True, text=True, timeout=300)
    return done.stdout + done.stderr


def warnings(settings):
    """What Doxygen says with docs/Doxyfile and these settings."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "Doxyfile")
        file.write_text((house.ROOT / "docs/Doxyfile").read_text() + f"\nOUTPUT_DIRECTORY = {folder}\n{settings}\n")
        return run("doxygen", file)


class ApiReference(unittest.TestCase):
    def test_it_is_written_without_warnings(self):
        # Warnings come of reading: no page needs to be written.
        self.assertEqual(warnings("GENERATE_HTML = NO\nGENERATE_XML = YES"), "")

    def test_a_reference_to_nothing_is_a_warning(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "wrong.hpp").write_text("/// See #nowhere. @param nothing is not there\nvoid function(int other);\n")
            self.assertIn("warning:", warnings(f"INPUT = {folder}"))


if __name__ == "__main__":
    if not shutil.which("doxygen") or not run("doxygen", "--version").startswith("1.9.4"):
        print("skipped: there is no Doxygen 1.9.4")
        sys.exit(77)
    unittest.main(argv=["doxygen"])
