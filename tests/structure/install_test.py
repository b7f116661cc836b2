# SPDX-License-Identifier: MIT
"""An outside project builds and runs against an installed copy, and compiles with the source tree as a part of it. The
guide's program, copied block by block, is such a project."""
import asyncio
import base64
import functools
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest
import urllib.error
import urllib.request

import websockets

import house

WORK = house.BUILD / "outside"


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def compiler():
    return re.search(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", (house.BUILD / "CMakeCache.txt").read_text(), re.MULTILINE)[1]


def configured(name, *options, source=house.ROOT / "tests/structure/outside"):
    """The build folder of a project, if no other the outside one, configured with these options."""
    build = WORK / name
    run("cmake", "-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_CXX_COMPILER={compiler()}", *options)
    return build


def without(*libraries):
    """Options with which find_package() finds none of these."""
    return [f"-DCMAKE_DISABLE_FIND_PACKAGE_{library}=ON" for library in libraries]


def asked(folder, *question):
    """What pkg-config answers, reading the files of this folder too."""
    environment = {**os.environ, "PKG_CONFIG_PATH": str(folder)}
    return subprocess.run(["pkg-config", *question], env=environment, check=True, capture_output=True, text=True).stdout


def blocks(page, language):
    """What the page shows in this language, one block after the other."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (house.ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def token(user, secret):
    def encoded(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    claims = {"user_id": user, "exp": int(time.time()) + 3600}
    signed = encoded(b'{"alg":"HS256","typ":"JWT"}') + b"." + encoded(json.dumps(claims).encode())
    return (signed + b"." + encoded(hmac.new(secret.encode(), signed, hashlib.sha256).digest())).decode()


async def said_to(url, text, skip=0):
    """The answer of the server at the URL to a text, behind so many messages."""
    async with websockets.connect(url) as server:
        for _ in range(skip):
            await server.recv()
        await server.send(text)
        return await asyncio.wait_for(server.recv(), 60)


def posted(url, body):
    """The status of the answer."""
    request = urllib.request.Request(url, data=body.encode(), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as answer:
        return answer.code


async def moves_of_a_robot():
    """What the guide's program answers to a client that watches a robot, to a wrong move, and to a move."""
    at = "http://127.0.0.1:8000/robots/moved"
    async with websockets.connect("ws://127.0.0.1:8000/ws/robots/") as panel:
        await panel.send('{"watch": [3, "four"]}')
        charge = json.loads(await asyncio.wait_for(panel.recv(), 60))
        wrong = await asyncio.to_thread(posted, at, '{"robot": "three", "x": 0}')
        await asyncio.to_thread(posted, at, '{"robot": 4, "x": 0.5}')  # of a robot that it does not watch
        await asyncio.to_thread(posted, at, '{"robot": 3, "x": 1.5}')
        return [charge, wrong, json.loads(await asyncio.wait_for(panel.recv(), 60))]


def in_use(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        prefix = WORK / "prefix"
        shutil.rmtree(prefix, ignore_errors=True)
        run("cmake", "--install", house.BUILD, "--prefix", prefix)
        cls.installed = f"-DCMAKE_PREFIX_PATH={prefix}"

    @staticmethod
    @functools.cache
    def shared():
        """The build folder, not built, of shared libraries."""
        return configured("shared_names", "-DBUILD_SHARED_LIBS=ON", "-DSLUICE_BUILD_TESTS=OFF",
                          "-DSLUICE_BUILD_EXAMPLES=OFF", "-DSLUICE_BUILD_BENCHMARKS=OFF", source=house.ROOT)

    def test_an_installed_copy_can_be_found_and_linked(self):
        build = configured("installed", self.installed)
        run("ninja", "-C", build, "outside")
        self.assertEqual(run(build / "outside"), "it links\n")

    def test_the_guide_copied_block_by_block_is_a_program_that_runs(self):
        source = WORK / "guide"
        source.mkdir(parents=True, exist_ok=True)
        (source / "CMakeLists.txt").write_text("".join(blocks("docs/guide.md", "cmake")))
        (source / "main.cpp").write_text("".join(blocks("docs/guide.md", "cpp")))
        build = configured("guide/build", self.installed, source=source)
        run("ninja", "-C", build, "prices")
        if in_use(8000):
            self.skipTest("the guide listens at port 8000, which is taken")
        with subprocess.Popen([build / "prices"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
            try:
                deadline = time.monotonic() + 60
                while not in_use(8000) and program.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.05)
                hello = asyncio.run(said_to("ws://127.0.0.1:8000/ws/hello/", '{"name": "Ada"}'))
                core = "ws://127.0.0.1:8000/ws/core/?jwt_token=" + token(1, "at least thirty-two bytes of secret")
                page = asyncio.run(said_to(core, '{"page": "table", "table_id": 7}', skip=1))
                moves = asyncio.run(moves_of_a_robot())
            finally:
                program.send_signal(signal.SIGTERM)
                out, err = program.communicate(timeout=60)
        self.assertEqual(hello, '{"message":"hello Ada"}')
        self.assertEqual(json.loads(page)["type"], "page_add")
        self.assertEqual(moves, [{"robot": 3, "charge": 1 / 3}, 400,
                                 {"type": "robot_moved", "robot": 3, "x": 1.5, "driver": None}])
        self.assertEqual((out, err, program.returncode), ("listening on http://127.0.0.1:8000/\n", "", 0))

    def test_the_source_tree_can_be_a_part_of_it(self):
        build = configured("subdirectory", f"-DSLUICE_SOURCE={house.ROOT}")
        # The whole library would be built once more only to be linked: what the targets hand on shows here.
        run("ninja", "-C", build, "CMakeFiles/outside.dir/main.cpp.o")

    def test_a_shared_library_has_a_name_for_each_minor_version_before_1_0(self):
        build = self.shared()
        names = set(re.findall(r"SONAME = (\S+)", (build / "build.ninja").read_text()))
        major, minor, _ = house.version()
        name = f"0.{minor}" if major == "0" else major
        self.assertIn(f"libsluice.so.{name}", names)
        self.assertEqual({each.partition(".so.")[2] for each in names}, {name})

    def test_a_component_needs_only_what_it_names(self):
        away = without("Asio", "ZLIB", "Hiredis", "MsgpackCxx", "Nats")
        configured("component", self.installed, "-DCOMPONENTS=auth", *away)
        with self.assertRaisesRegex(AssertionError, r"sluice::redis needs Hiredis, MsgpackCxx"):
            configured("component_not_there", self.installed, "-DCOMPONENTS=auth;redis", *away)
        with self.assertRaisesRegex(AssertionError, r"no sluice::carrier_pigeon"):
            configured("component_unknown", self.installed, "-DCOMPONENTS=auth;carrier_pigeon", *away)

    def test_debian_packages_unpacked_anywhere_serve_cmake_and_pkg_config(self):
        packages, root = WORK / "packages", WORK / "bare_root"
        for folder in packages, root:
            shutil.rmtree(folder, ignore_errors=True)
        run("cpack", "-G", "DEB", "--config", house.BUILD / "CPackConfig.cmake", "-B", packages,
            "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=zstd")
        made = {path.name.partition("_")[0]: path for path in packages.glob("*.deb")}
        for package in made.values():
            run("dpkg-deb", "-x", package, root)
        self.assertEqual(set(made), {"libsluice-dev", "sluice-tools"})
        needed = set(run("dpkg-deb", "-f", made["libsluice-dev"], "Depends").strip().split(", "))
        self.assertEqual(needed - {"libnats-dev"}, {
            "libasio-dev", "libfmt-dev", "libhiredis-dev", "libmsgpack-cxx-dev", "libre2-dev", "libsimdjson-dev",
            "libssl-dev", "zlib1g-dev"})
        self.assertTrue(needed <= set((house.ROOT / "cmake/packages").read_text().split()))
        self.assertRegex(run("dpkg-deb", "-f", made["sluice-tools"], "Depends"), r"libhiredis[\d.]+ ")
        self.assertIn("usage", run(root / "usr/bin/sluice-send", "--help").lower())
        self.assertTrue((root / "usr/share/doc/sluice/LICENSE").is_file())

        build = configured("from_package", f"-DCMAKE_PREFIX_PATH={root}/usr", "-DCOMPONENTS=auth", *without("Asio", "Hiredis"))
        run("ninja", "-C", build)
        self.assertEqual(run(build / "part"), "verified\n")

        [files] = (root / "usr").rglob("pkgconfig")
        flags = asked(files, "--cflags", "--libs", "sluice-asio", "sluice-auth", "sluice-redis", "sluice-testing").split()
        program = WORK / "by_pkg_config"
        run(compiler(), "-std=c++20", house.ROOT / "tests/structure/outside/main.cpp", "-o", program, *flags)
        self.assertEqual(run(program), "it links\n")

    def test_a_shared_copy_hands_on_no_library_but_its_own(self):
        build = self.shared()
        files = build / "pkgconfig"
        _, minor, patch = house.version()
        own = {f"{name} = 0.{minor}.{patch}" for name in ("sluice", "sluice-websocket")}
        for each in sorted(files.glob("*.pc")):
            self.assertLessEqual(set(asked(files, "--print-requires", each.stem).splitlines()), own, each.stem)
        self.assertLessEqual({"-DASIO_STANDALONE", "-DASIO_DISABLE_STD_ALIGNED_ALLOC"},
                             set(asked(files, "--cflags", "sluice-asio").split()))
        for script, place in {"cmake_install.cmake": "", "tools/cmake_install.cmake": "/../lib"}.items():
            places = set(re.findall(r' RPATH "(.*)"', (build / script).read_text()))
            self.assertEqual(places, {rf"\$ORIGIN{place}"})
        package = (build / "CPackConfig.cmake").read_text()
        self.assertIn(f'"libsluice0.{minor} (= 0.{minor}.{patch}), libasio-dev"', package)

    def test_disabled_parts_need_no_packages(self):
        for option, libraries in {"SLUICE_ASIO": ("Asio", "ZLIB"), "SLUICE_REDIS": ("Hiredis", "MsgpackCxx")}.items():
            away = without(*libraries)
            with self.subTest(option):
                with self.assertRaisesRegex(AssertionError, "REQUIRED"):
                    configured(f"with_{option}", "-DSLUICE_BUILD_TESTS=OFF", *away, source=house.ROOT)
                configured(f"without_{option}", f"-D{option}=OFF", *away, source=house.ROOT)

    def test_nats_is_there_where_cnats_is(self):
        away = ["-DSLUICE_BUILD_TESTS=OFF", *without("Nats")]
        left_out = configured("without_cnats", *away, source=house.ROOT)
        self.assertNotIn("sluice_nats", (left_out / "build.ninja").read_text())
        with self.assertRaisesRegex(AssertionError, "REQUIRED"):
            configured("with_SLUICE_NATS", "-DSLUICE_NATS=ON", *away, source=house.ROOT)


if __name__ == "__main__":
    unittest.main(argv=["install"])
