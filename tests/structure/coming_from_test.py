# SPDX-License-Identifier: MIT
"""The programs of docs/coming-from-*.md do the same on both sides: the same clients talk to Sluice's, to Channels' and to
Boost.Beast's. Those of Socket.IO and uWebSockets are not run: Debian does not have them."""
import asyncio
import json
import os
import re
import subprocess
import unittest

os.environ["no_proxy"] = "*"
import websockets  # noqa: E402  (it reads the environment)

import house  # noqa: E402

PATIENCE = 60
PAGES = sorted((house.ROOT / "docs").glob("coming-from-*.md"))


def block(page, language):
    """The page's only block in this language."""
    [text] = re.findall(rf"^```{re.escape(language)}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return text


class WebSocket:
    """A client of a server that listens."""

    def __init__(self, socket):
        self.socket = socket

    async def say(self, content):
        await self.socket.send(json.dumps(content))

    async def hear(self):
        return json.loads(await asyncio.wait_for(self.socket.recv(), PATIENCE))

    async def leave(self):
        await self.socket.close()


class Server:
    """A program that listens at a port of the kernel's choice, and says which."""

    def __init__(self, name):
        self.name = name

    async def __aenter__(self):
        program = house.BUILD / "tests/structure" / f"coming_from_{self.name}"
        self.process = subprocess.Popen([program, "0"], stdout=subprocess.PIPE, text=True)
        self.url = re.fullmatch(r"listening on http(://[\d.:]+)/\n", self.process.stdout.readline())[1]
        return self

    async def join(self, room):
        return WebSocket(await websockets.connect(f"ws{self.url}/ws/chat/{room}/"))

    async def __aexit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=PATIENCE)


class Channels:
    """The page's Django application, without a server: its clients are ASGI messages."""

    async def __aenter__(self):
        names = {"__name__": "chat"}
        exec(compile(block(house.ROOT / "docs/coming-from-channels.md", "python"), "coming-from-channels.md", "exec"), names)
        self.application = names["application"]
        return self

    async def join(self, room):
        client = AsgiClient(self.application, f"/ws/chat/{room}/")
        await client.connect()
        return client

    async def __aexit__(self, *_):
        pass


class AsgiClient:
    def __init__(self, application, path):
        from asgiref.testing import ApplicationCommunicator
        scope = {"type": "websocket", "path": path, "query_string": b"", "headers": [], "subprotocols": []}
        self.asgi = ApplicationCommunicator(application, scope)

    async def connect(self):
        await self.asgi.send_input({"type": "websocket.connect"})
        answer = await self.asgi.receive_output(PATIENCE)
        assert answer["type"] == "websocket.accept", answer

    async def say(self, content):
        await self.asgi.send_input({"type": "websocket.receive", "text": json.dumps(content)})

    async def hear(self):
        return json.loads((await self.asgi.receive_output(PATIENCE))["text"])

    async def leave(self):
        await self.asgi.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.asgi.wait(PATIENCE)


async def conversation(side):
    """What three clients hear: two in one room, one in another."""
    async with side:
        ann, bob, cat = await side.join("tea"), await side.join("tea"), await side.join("coffee")
        await ann.say({"text": "hello", "n": 1})
        heard = {"ann": [await ann.hear()], "bob": [await bob.hear()]}
        await bob.leave()
        await cat.say({"text": "alone?"})
        heard["cat"] = [await cat.hear()]  # and nothing of the other room
        await ann.say(["still", "here"])
        heard["ann"].append(await ann.hear())
        for client in ann, cat:
            await client.leave()
        return heard


HEARD = {
    "ann": [{"text": "hello", "n": 1}, ["still", "here"]],
    "bob": [{"text": "hello", "n": 1}],
    "cat": [{"text": "alone?"}],
}


class ComingFrom(unittest.TestCase):
    def test_the_program_on_sluice(self):
        self.assertEqual(asyncio.run(conversation(Server("sluice"))), HEARD)

    def test_the_program_on_channels(self):
        try:
            import channels  # noqa: F401
        except ImportError:
            self.skipTest("python3-django-channels is not installed")
        self.assertEqual(asyncio.run(conversation(Channels())), HEARD)

    def test_the_program_on_beast(self):
        if not (house.BUILD / "tests/structure/coming_from_beast").exists():
            self.skipTest("Boost.Beast is not installed")
        self.assertEqual(asyncio.run(conversation(Server("beast"))), HEARD)

    def test_sluice_s_side_is_the_same_on_each_page(self):
        self.assertEqual(len(PAGES), 4)
        self.assertEqual(len({block(page, "cpp") for page in PAGES}), 1)


if __name__ == "__main__":
    unittest.main(argv=["coming_from"])
