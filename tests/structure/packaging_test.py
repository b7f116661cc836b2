# SPDX-License-Identifier: MIT
"""The recipes in packaging/ and docs/packaging.md agree with the build. Neither vcpkg nor Conan is needed for it."""
# Starts no program of the build.
import json
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import house

PORT = house.ROOT / "packaging/vcpkg"
RECIPE = house.ROOT / "packaging/conan/conanfile.py"
PARTS = {"asio", "auth", "redis", "nats"}

# What a system header that is not of the C or C++ standard looks like.
SYSTEM = re.compile(r"^(sys|linux|netinet|arpa)/|^net/\w+\.h$|^(unistd|fcntl|poll|signal|netdb|pthread|dlfcn)\.h$")

STAND_INS = """
set(CMAKE_CURRENT_LIST_DIR "{port}")
set(CURRENT_PACKAGES_DIR "{folder}")
function(vcpkg_check_features)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "OUT_FEATURE_OPTIONS" "FEATURES")
  set(options)
  while(arg_FEATURES)
    list(POP_FRONT arg_FEATURES feature option)
    list(APPEND options "-D${{option}}=${{feature}}")
  endwhile()
  set(${{arg_OUT_FEATURE_OPTIONS}} ${{options}} PARENT_SCOPE)
endfunction()
function(vcpkg_cmake_configure)
  message("configure ${{ARGN}}")
endfunction()
function(vcpkg_cmake_install)
  message("install")
endfunction()
function(vcpkg_cmake_config_fixup)
  message("config ${{ARGN}}")
endfunction()
function(vcpkg_fixup_pkgconfig)
endfunction()
function(vcpkg_install_copyright)
  message("copyright ${{ARGN}}")
endfunction()
"""


def build_options():
    return set(re.findall(r"^\s*option\((\w+)", (house.ROOT / "CMakeLists.txt").read_text(), re.MULTILINE))


class Packaging(unittest.TestCase):
    def test_the_vcpkg_port_names_the_version_and_the_parts_of_the_build(self):
        port = json.loads((PORT / "vcpkg.json").read_text())
        self.assertEqual(port["version-semver"], ".".join(house.version()))
        self.assertEqual(set(port["features"]), PARTS)

    def test_the_vcpkg_portfile_hands_on_options_that_the_build_has(self):
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, "port.cmake")
            script.write_text(STAND_INS.format(port=PORT, folder=folder) + (PORT / "portfile.cmake").read_text())
            said = subprocess.run(["cmake", "-P", script], check=True, capture_output=True, text=True).stderr
        self.assertLessEqual(set(re.findall(r"-D(SLUICE_\w+)=", said)), build_options())
        self.assertEqual(dict(re.findall(r"-D(SLUICE_\w+)=([a-z]+)", said)), {f"SLUICE_{part.upper()}": part for part in PARTS})
        self.assertIn(f"copyright FILE_LIST;{house.ROOT}/LICENSE", said)

    def test_the_conan_recipe_hands_on_options_that_the_build_has(self):
        text = RECIPE.read_text()
        compile(text, str(RECIPE), "exec")
        parts = re.search(r"for part in (\(.*\)):\n.*SLUICE_\{part.upper", text)[1]
        builds = re.search(r"for part in (\(.*\)):\n.*SLUICE_BUILD_\{part", text)[1]
        handed = {f"SLUICE_{part.upper()}" for part in re.findall(r"\w+", parts)}
        handed |= {f"SLUICE_BUILD_{part}" for part in re.findall(r"\w+", builds)}
        self.assertEqual(handed - build_options(), set())
        for pattern in re.findall(r'"([^"]+)"', re.search(r"TREE = \((.*)\)", text)[1]):
            self.assertTrue(list(house.ROOT.glob(pattern)), pattern)

    def test_each_source_that_asks_the_system_is_a_place_that_a_port_would_touch(self):
        page = (house.ROOT / "docs/packaging.md").read_text()
        listed = set(re.findall(r"^\| `((?:src|include)/[^`]+)`", page, re.MULTILINE))
        asks = {str(path.relative_to(house.ROOT)) for path in house.sources(house.ROOT, "src", "include")
                if any(SYSTEM.search(header) for header in house.includes(path))}
        self.assertEqual(listed, asks)


if __name__ == "__main__":
    unittest.main(argv=["packaging"])
