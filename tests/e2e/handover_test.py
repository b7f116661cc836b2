# SPDX-License-Identifier: MIT
"""Servers that stop, and others that take over while clients come without a pause."""
import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import unittest
from collections import Counter

from support.example import PATIENCE, Example

MIGRATE = "/proc/sys/net/ipv4/tcp_migrate_req"
INSIDE = "SLUICE_TEST_INSIDE"  # set in a network of our own, where that is switched on
VISITORS = 8
UPGRADE = (b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
SAY_X = b"\x81\x81\0\0\0\0x"
CLOSE_1000 = b"\x88\x82\0\0\0\0\x03\xe8"


def listening_socket():
    made = socket.create_server(("127.0.0.1", 0), backlog=1024)
    made.set_inheritable(False)
    return made


def unused_port():
    """A port that was free a moment ago, and that the kernel gives to nobody meanwhile."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    held.bind(("127.0.0.1", 0))
    return held


class Crowd:
    """Clients that come, say something, hear it again and go, over and over. Each visit is counted by how it went."""

    def __init__(self, port):
        self.port = port
        self.visits = Counter()

    async def __aenter__(self):
        self.over = False
        self.tasks = [asyncio.create_task(self.come_and_go()) for _ in range(VISITORS)]
        return self

    async def __aexit__(self, *_):
        self.over = True
        await asyncio.wait_for(asyncio.gather(*self.tasks), PATIENCE)

    async def come_and_go(self):
        while not self.over:
            try:
                self.visits[await asyncio.wait_for(self.visit(), PATIENCE)] += 1
            except ConnectionRefusedError:
                self.visits["refused"] += 1
            except (ConnectionError, asyncio.IncompleteReadError):
                self.visits["reset"] += 1

    async def visit(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(UPGRADE)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 101 "):
                return head.split(b"\r\n")[0].decode()
        except BaseException:
            writer.close()
            raise
        try:
            writer.write(SAY_X)
            heard = await reader.readexactly(3)
            writer.write(CLOSE_1000)
            await reader.read()
            # 1012 comes instead of the echo when the server stops just now: served, and told to come again.
            return "served" if heard == b"\x81\x01x" else "sent away" if heard[0] == 0x88 else repr(heard)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def some_more(self, visits=200):
        wanted = self.visits["served"] + visits

        async def come():
            while self.visits["served"] < wanted:
                await asyncio.sleep(0.01)

        await asyncio.wait_for(come(), PATIENCE)


async def ended(example):
    """Tells it to end, and its status once it has."""
    example.process.terminate()
    return await asyncio.to_thread(example.process.wait, PATIENCE)


class PassedSocket(unittest.IsolatedAsyncioTestCase):
    """The socket stays open whatever the servers do: nobody is refused and nobody is reset. [LC-27]"""

    def setUp(self):
        self.listening = self.enterContext(listening_socket())

    def server(self):
        return self.enterContext(Example("01_echo", "--stop-window", "0", socket=self.listening))

    async def test_the_next_server_starts_before_the_last_one_stops(self):
        async with Crowd(self.listening.getsockname()[1]) as crowd:
            now = self.server()
            for _ in range(3):
                await crowd.some_more()
                following = self.server()
                self.assertEqual(await ended(now), 0)
                now = following
            await crowd.some_more()
        self.assertEqual(set(crowd.visits) - {"sent away"}, {"served"}, crowd.visits)

    async def test_between_two_servers_clients_wait(self):
        async with Crowd(self.listening.getsockname()[1]) as crowd:
            for _ in range(3):
                now = self.server()
                await crowd.some_more()
                self.assertEqual(await ended(now), 0)
            self.server()
            await crowd.some_more()
        self.assertEqual(set(crowd.visits) - {"sent away"}, {"served"}, crowd.visits)

    async def test_the_passed_socket_is_used_and_not_the_port(self):
        server = self.server()
        self.assertEqual(server.port, self.listening.getsockname()[1])


class ReusePort(unittest.IsolatedAsyncioTestCase):
    """Two sockets at one port. Nobody is refused; who comes to the old one in the instant in which it closes is reset,
    unless the kernel moves them to the other (tcp_migrate_req). [LC-27]"""

    async def test_the_next_server_takes_over_the_port(self):
        port = self.enterContext(unused_port()).getsockname()[1]

        def server():
            return self.enterContext(Example("01_echo", "--stop-window", "0", "--reuse-port", "--port", str(port)))

        now = server()
        async with Crowd(port) as crowd:
            for _ in range(3):
                await crowd.some_more()
                following = server()
                await crowd.some_more()
                self.assertEqual(await ended(now), 0)
                now = following
            await crowd.some_more()
        with open(MIGRATE) as migrate:
            tolerated = {"sent away", "reset"} if migrate.read().strip() == "0" else {"sent away"}
        self.assertEqual(set(crowd.visits) - tolerated, {"served"}, crowd.visits)

    @unittest.skipIf(INSIDE in os.environ, "this is what runs there")
    def test_with_tcp_migrate_req_no_connection_is_reset(self):
        unshare = of_its_own()
        if not unshare:
            self.skipTest("no network of our own can be made here")
        inside = subprocess.run([*unshare, sys.executable, __file__, "ReusePort"], capture_output=True, text=True,
                                timeout=5 * PATIENCE, env={**os.environ, INSIDE: "1"})
        self.assertEqual(inside.returncode, 0, inside.stderr)


def of_its_own():
    """What gives the command behind it a network of its own, if anything does; nobody becomes root in a chroot."""
    for unshare in (["unshare", "-rn"], ["unshare", "-n"]):
        if subprocess.run([*unshare, "test", "-w", MIGRATE], capture_output=True).returncode == 0:
            return unshare
    return None


def make_network():
    """In a network namespace of our own: the loopback goes up, and listening sockets hand their queues over."""
    with socket.socket() as any_socket:
        request = bytearray(struct.pack("16sh14x", b"lo", 0))
        fcntl.ioctl(any_socket, 0x8913, request)  # SIOCGIFFLAGS
        name, flags = struct.unpack("16sh14x", request)
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", name, flags | 1))  # SIOCSIFFLAGS, IFF_UP
    with open(MIGRATE, "w") as migrate:
        migrate.write("1")


class Signals(unittest.IsolatedAsyncioTestCase):
    async def test_sigterm_closes_clients_with_1012(self):
        # [LC-27]
        for name, target in (("01_echo", "/"), ("02_chat_room", "/ws/chat/lobby/")):
            with Example(name) as example:
                client = await example.connect(target)
                if name == "02_chat_room":
                    await client.hear()
                example.process.send_signal(signal.SIGTERM)
                self.assertEqual(await client.hear_close(), 1012, name)
                self.assertEqual(example.process.wait(PATIENCE), 0, name)

    async def test_clients_are_closed_one_by_one_and_a_second_signal_ends_it_at_once(self):
        example = Example("01_echo", "--stop-window", "3600", "--threads", "1").__enter__()
        first, second = await example.connect("/"), await example.connect("/")
        example.process.terminate()
        self.assertEqual(await first.hear_close(), 1012)
        await second.say("still here")
        self.assertEqual(await second.hear(), "still here")
        self.assertEqual(await ended(example), -signal.SIGTERM)
        example.process.stdout.close()

    async def test_a_second_signal_ends_the_own_transport_too(self):
        example = Example("05_your_own_transport").__enter__()
        reader, writer = await asyncio.open_connection("127.0.0.1", example.port)
        writer.write(b"/ws/chat/lobby/?name=ada\n")
        self.assertEqual(await asyncio.wait_for(reader.readline(), PATIENCE), b"101\n")
        example.process.terminate()
        await asyncio.wait_for(reader.read(), PATIENCE)  # it has said all, and waits for us to go
        self.assertEqual(await ended(example), -signal.SIGTERM)
        example.process.stdout.close()
        writer.close()


if __name__ == "__main__":
    if INSIDE in os.environ:
        make_network()
    unittest.main(argv=["handover", *([sys.argv[1]] if INSIDE in os.environ else [])], verbosity=2)
