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


def written(settings):
    """What Doxygen says with docs/Doxyfile and these settings, and the names of the pages that it writes as XML."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "Doxyfile")
        file.write_text((house.ROOT / "docs/Doxyfile").read_text() + f"\nOUTPUT_DIRECTORY = {folder}\n{settings}\n")
        said = run("doxygen", file)
        return said, {page.stem for page in Path(folder, "xml").glob("*.xml")}


class ApiReference(unittest.TestCase):
    def test_it_is_written_without_warnings_and_names_types_as_programs_do(self):
        said, pages = written("GENERATE_HTML = NO\nGENERATE_XML = YES")
        self.assertEqual(said, "")
        self.assertLessEqual({"classsluice_1_1Consumer", "classsluice_1_1ws_1_1ServerProtocol"}, pages)

    def test_a_reference_to_nothing_is_a_warning(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "wrong.hpp").write_text("/// See #nowhere. @param nothing is not there\nvoid function(int other);\n")
            self.assertIn("warning:", written(f"INPUT = {folder}")[0])


if __name__ == "__main__":
    if not shutil.which("doxygen") or not run("doxygen", "--version").startswith("1.9.4"):
        print("skipped: there is no Doxygen 1.9.4")
        sys.exit(77)
    unittest.main(argv=["doxygen"])
