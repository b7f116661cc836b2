# SPDX-License-Identifier: MIT
"""What all examples have in common, and the two that speak no WebSocket."""
import asyncio
import json
import os
import subprocess
import unittest
from pathlib import Path

from support.example import EXAMPLES, PATIENCE, Example

SOURCE = Path(os.environ["SLUICE_SOURCE_DIR"])
SERVERS = ("01_echo", "02_chat_room", "03_table_pages", "05_your_own_transport",
           "08_behind_a_proxy", "09_echo_on_poll", "10_websocket_on_poll", "11_tracing")


def run(name, *options):
    return subprocess.run([EXAMPLES / name, *options], capture_output=True, text=True, timeout=PATIENCE)


class Programs(unittest.TestCase):
    def test_a_wrong_option_prints_the_usage_and_exits_2(self):
        for name in (*SERVERS, "06_testing_a_consumer"):
            for options in (("--no-such-option",), ("--port", "x"), ("--port", "65536"), ("--port",), ("word",)):
                ended = run(name, *options)
                self.assertEqual((ended.returncode, ended.stdout), (2, ""), f"{name} {options}")
                self.assertIn(f"usage: {name}", ended.stderr)

    def test_help_exits_0(self):
        for name in SERVERS:
            ended = run(name, "--help")
            self.assertEqual(ended.returncode, 0)
            for option in ("--host", "--port", "--threads"):
                self.assertIn(option, ended.stdout)

    def test_a_program_that_cannot_listen_reports_it(self):
        for name in SERVERS:
            with Example(name) as first:
                ended = run(name, "--port", str(first.port))
            self.assertEqual((ended.returncode, ended.stdout), (1, ""), name)
            self.assertIn(str(first.port), ended.stderr)

    def test_every_server_without_clients_stops_at_once(self):
        for name in SERVERS:
            with Example(name):
                pass

    def test_the_smallest_servers_are_short_and_send_messages_back(self):
        async def echoed(echo):
            client = await echo.connect("/")
            heard = []
            for message in ("text", b"binary", "", "x" * 1_000_000):
                await client.socket.send(message)
                heard.append(await asyncio.wait_for(client.socket.recv(), PATIENCE))
            await client.close()
            return heard

        for name, lines in (("01_echo", 20), ("09_echo_on_poll", 100)):
            with open(SOURCE / f"examples/{name}.cpp") as source:
                self.assertLessEqual(len(source.readlines()), lines)
            with Example(name) as echo:
                self.assertEqual(asyncio.run(echoed(echo)), ["text", b"binary", "", "x" * 1_000_000])

    def test_the_consumer_test_passes(self):
        ended = run("06_testing_a_consumer")
        self.assertEqual(ended.returncode, 0, ended.stdout)
        self.assertEqual(ended.stdout.count("ok "), len(ended.stdout.splitlines()))


class Lines:
    """A client of 05_your_own_transport."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def hear(self):
        return (await asyncio.wait_for(self.reader.readline(), PATIENCE)).decode().rstrip("\n")

    async def hear_json(self):
        return json.loads(await self.hear())

    async def hear_end(self):
        try:
            return await asyncio.wait_for(self.reader.read(), PATIENCE)
        except ConnectionResetError:
            return b""

    def say(self, text):
        self.writer.write(text.encode() + b"\n")

    async def leave(self):
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            pass  # the server was quicker


class YourOwnTransport(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.example = self.enterContext(Example("05_your_own_transport"))

    async def connect(self, target):
        client = Lines(*await asyncio.open_connection("127.0.0.1", self.example.port))
        self.addAsyncCleanup(client.leave)
        client.writer.write(target)
        return client

    async def enter(self, name):
        client = await self.connect(f"/ws/chat/lobby/?name={name}\n".encode())
        self.assertEqual(await client.hear(), "101")
        return client

    async def test_the_chat_room_works_over_lines(self):
        ada = await self.enter("ada")
        self.assertEqual(await ada.hear_json(), {"type": "joined", "who": "ada"})
        ben = await self.enter("ben")
        self.assertEqual(await ada.hear_json(), {"type": "joined", "who": "ben"})
        self.assertEqual(await ben.hear_json(), {"type": "joined", "who": "ben"})
        ben.say('{"text":"grüße, \\n two lines"}\r')
        said = {"type": "said", "who": "ben", "text": "grüße, \n two lines"}
        self.assertEqual([await ada.hear_json(), await ben.hear_json()], [said, said])
        await ben.leave()
        self.assertEqual(await ada.hear_json(), {"type": "left", "who": "ben"})

    async def test_many_clients_and_many_lines(self):
        clients = [await self.enter(f"client{i}") for i in range(10)]
        for number in range(20):
            for client in clients:
                client.say(json.dumps({"text": str(number)}))
        for client in clients:
            texts = {}
            while sum(map(len, texts.values())) < 20 * 10:
                heard = await client.hear_json()
                if heard["type"] == "said":
                    texts.setdefault(heard["who"], []).append(int(heard["text"]))
            # Everyone's words come in the order they were said.
            self.assertEqual(list(texts.values()), [list(range(20))] * 10)

    async def test_a_byte_at_a_time_is_a_line_too(self):
        client = await self.connect(b"")
        for byte in b'/ws/chat/lobby/?name=ada\n{"text":"slowly"}\n':
            client.writer.write(bytes([byte]))
            await client.writer.drain()
        heard = [await client.hear() for _ in range(3)]
        self.assertEqual(heard[0], "101")
        self.assertEqual(json.loads(heard[2])["text"], "slowly")

    async def test_a_client_above_the_limit_is_refused(self):
        lost = await self.connect(b"/ws/nowhere/\n")
        self.assertEqual((await lost.hear(), await lost.hear_end()), ("404", b""))
        ada = await self.enter("ada")
        await ada.hear()
        ada.say("no JSON")
        self.assertEqual(await ada.hear_end(), b"")
        ben = await self.enter("ben")
        await ben.hear()
        ben.writer.write(b"x" * (1 << 20) + b"x")
        self.assertEqual(await ben.hear_end(), b"")

    async def test_clients_are_closed_when_the_server_stops(self):
        ada = await self.enter("ada")
        await ada.hear()
        self.example.stop()
        self.assertEqual(await ada.hear_end(), b"")
        await ada.leave()
        self.assertEqual(self.example.process.wait(PATIENCE), 0)


if __name__ == "__main__":
    unittest.main(argv=["examples"], verbosity=2)
