# SPDX-License-Identifier: MIT
"""An outside project builds and runs against an installed copy, and compiles with the source tree as a part of it. The
guide's program, copied block by block, is such a project."""
import asyncio
import base64
import hashlib
import hmac
import json
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest

import websockets

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
            finally:
                program.send_signal(signal.SIGTERM)
                out, err = program.communicate(timeout=60)
        self.assertEqual(hello, '{"message":"hello Ada"}')
        self.assertEqual(json.loads(page)["type"], "page_add")
        self.assertEqual((out, err, program.returncode), ("listening on http://127.0.0.1:8000/\n", "", 0))

    def test_the_source_tree_can_be_a_part_of_it(self):
        build = configured("subdirectory", f"-DSLUICE_SOURCE={house.ROOT}")
        # The whole library would be built once more only to be linked: what the targets hand on shows here.
        run("ninja", "-C", build, "CMakeFiles/outside.dir/main.cpp.o")

    def test_a_shared_library_has_a_name_for_each_minor_version_before_1_0(self):
        build = configured("shared_names", "-DBUILD_SHARED_LIBS=ON", "-DSLUICE_BUILD_TESTS=OFF",
                           "-DSLUICE_BUILD_EXAMPLES=OFF", "-DSLUICE_BUILD_BENCHMARKS=OFF", source=house.ROOT)
        names = set(re.findall(r"SONAME = (\S+)", (build / "build.ninja").read_text()))
        major, minor, _ = house.version()
        name = f"0.{minor}" if major == "0" else major
        self.assertIn(f"libsluice.so.{name}", names)
        self.assertEqual({each.partition(".so.")[2] for each in names}, {name})

    def test_what_is_left_out_needs_nothing(self):
        for option, libraries in {"SLUICE_ASIO": ("Asio", "ZLIB"), "SLUICE_REDIS": ("Hiredis", "MsgpackCxx")}.items():
            away = [f"-DCMAKE_DISABLE_FIND_PACKAGE_{library}=ON" for library in libraries]
            with self.subTest(option):
                with self.assertRaisesRegex(AssertionError, "REQUIRED"):
                    configured(f"with_{option}", "-DSLUICE_BUILD_TESTS=OFF", *away, source=house.ROOT)
                configured(f"without_{option}", f"-D{option}=OFF", *away, source=house.ROOT)

    def test_nats_is_there_where_cnats_is(self):
        away = ["-DSLUICE_BUILD_TESTS=OFF", "-DCMAKE_DISABLE_FIND_PACKAGE_Nats=ON"]
        without = configured("without_cnats", *away, source=house.ROOT)
        self.assertNotIn("sluice_nats", (without / "build.ninja").read_text())
        with self.assertRaisesRegex(AssertionError, "REQUIRED"):
            configured("with_SLUICE_NATS", "-DSLUICE_NATS=ON", *away, source=house.ROOT)


if __name__ == "__main__":
    unittest.main(argv=["install"])
