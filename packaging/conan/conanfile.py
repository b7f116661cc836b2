# SPDX-License-Identifier: MIT
"""A recipe for Conan 2 that builds the tree in which it lies: `conan create packaging/conan`.

It has been compiled and compared with the build only (tests/structure/packaging_test.py), never run by Conan: its versions
of other packages are Debian 12's or near them, and not tried."""
import os
import re

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load

TREE = ("CMakeLists.txt", "LICENSE", "cmake/*", "include/*", "src/*")


class Sluice(ConanFile):
    name = "sluice"
    description = "Consumers, groups and pages over WebSockets, for C++ servers"
    license = "MIT"
    topics = ("websocket", "channels", "pubsub")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "asio": [True, False], "auth": [True, False], "redis": [True, False],
               "nats": [True, False]}
    default_options = {"shared": False, "asio": True, "auth": True, "redis": False, "nats": False}

    def _tree(self):
        return os.path.join(self.recipe_folder, os.pardir, os.pardir)

    def set_version(self):
        text = load(self, os.path.join(self._tree(), "CMakeLists.txt"))
        self.version = re.search(r"project\(sluice VERSION ([\d.]+) ", text)[1]

    def export_sources(self):
        for pattern in TREE:
            copy(self, pattern, self._tree(), self.export_sources_folder)

    def validate(self):
        if self.settings.os != "Linux":
            from conan.errors import ConanInvalidConfiguration
            raise ConanInvalidConfiguration("Sluice is for Linux only: its sockets use epoll")

    def requirements(self):
        self.requires("fmt/9.1.0")
        self.requires("re2/20230301")
        self.requires("simdjson/3.2.0")
        if self.options.asio:
            self.requires("asio/1.28.1", transitive_headers=True)
            self.requires("zlib/[>=1.2.11 <2]")
        if self.options.asio or self.options.auth or self.options.redis:
            self.requires("openssl/[>=3 <4]")
        if self.options.redis:
            self.requires("hiredis/1.1.0")
            self.requires("msgpack-cxx/4.1.3")
        if self.options.nats:
            self.requires("cnats/3.6.1")

    def layout(self):
        cmake_layout(self)

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        # The Find modules of the tree give the targets that it links, whatever a package calls its own.
        toolchain.cache_variables["CMAKE_FIND_PACKAGE_PREFER_CONFIG"] = "OFF"
        for part in ("asio", "auth", "redis", "nats"):
            toolchain.cache_variables[f"SLUICE_{part.upper()}"] = bool(self.options.get_safe(part))
        for part in ("TESTS", "EXAMPLES", "BENCHMARKS", "TOOLS"):
            toolchain.cache_variables[f"SLUICE_BUILD_{part}"] = False
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()

    def package_info(self):
        # The installed sluiceConfig.cmake serves find_package(); CMakeDeps writes none beside it.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs.append(os.path.join("lib", "cmake", "sluice"))
