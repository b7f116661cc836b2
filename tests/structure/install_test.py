# SPDX-License-Identifier: MIT
"""An outside project builds and runs against an installed copy, and compiles with the source tree as a part of it."""
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


def configured(name, *options, source=house.ROOT / "tests/structure/outside"):
    """The build folder of a project, if no other the outside one, configured with these options."""
    compiler = re.search(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", (house.BUILD / "CMakeCache.txt").read_text(), re.MULTILINE)
    build = WORK / name
    run("cmake", "-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_CXX_COMPILER={compiler[1]}", *options)
    return build


class Install(unittest.TestCase):
    def test_an_installed_copy_can_be_found_and_linked(self):
        prefix = WORK / "prefix"
        shutil.rmtree(prefix, ignore_errors=True)
        run("cmake", "--install", house.BUILD, "--prefix", prefix)
        build = configured("installed", f"-DCMAKE_PREFIX_PATH={prefix}")
        run("ninja", "-C", build, "outside")
        self.assertEqual(run(build / "outside"), "it links\n")

    def test_the_source_tree_can_be_a_part_of_it(self):
        build = configured("subdirectory", f"-DSLUICE_SOURCE={house.ROOT}")
        # The whole library would be built once more only to be linked: what the targets hand on shows here.
        run("ninja", "-C", build, "CMakeFiles/outside.dir/main.cpp.o")

    def test_what_is_left_out_needs_nothing(self):
        for option, libraries in {"SLUICE_ASIO": ("Asio", "ZLIB"), "SLUICE_REDIS": ("Hiredis", "MsgpackCxx")}.items():
            away = [f"-DCMAKE_DISABLE_FIND_PACKAGE_{library}=ON" for library in libraries]
            with self.subTest(option):
                with self.assertRaisesRegex(AssertionError, "REQUIRED"):
                    configured(f"with_{option}", "-DSLUICE_BUILD_TESTS=OFF", *away, source=house.ROOT)
                configured(f"without_{option}", f"-D{option}=OFF", *away, source=house.ROOT)


if __name__ == "__main__":
    unittest.main(argv=["install"])
