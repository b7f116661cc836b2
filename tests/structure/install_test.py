# SPDX-License-Identifier: MIT
"""An outside project builds and runs against an installed copy, and with the source tree as its subdirectory."""
import re
import shutil
import subprocess
import unittest

import house

WORK = house.BUILD / "outside"


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def built_with(name, *options):
    """What the outside project says when it is configured with these options, built and run."""
    compiler = re.search(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", (house.BUILD / "CMakeCache.txt").read_text(), re.MULTILINE)
    build = WORK / name
    run("cmake", "-S", house.ROOT / "tests/structure/outside", "-B", build, "-G", "Ninja",
        f"-DCMAKE_CXX_COMPILER={compiler[1]}", *options)
    run("cmake", "--build", build, "--target", "outside")
    return run(build / "outside")


class Install(unittest.TestCase):
    def test_an_installed_copy_can_be_found_and_linked(self):
        prefix = WORK / "prefix"
        shutil.rmtree(prefix, ignore_errors=True)
        run("cmake", "--install", house.BUILD, "--prefix", prefix)
        self.assertEqual(built_with("installed", f"-DCMAKE_PREFIX_PATH={prefix}"), "it links\n")

    def test_the_source_tree_can_be_a_subdirectory(self):
        self.assertEqual(built_with("subdirectory", f"-DSLUICE_SOURCE={house.ROOT}"), "it links\n")


if __name__ == "__main__":
    unittest.main(argv=["install"])
