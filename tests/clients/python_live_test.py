# SPDX-License-Identifier: MIT
"""The Python client on real sockets: the table example, and servers that refuse or break the line."""
import asyncio
import json
import logging
import os
import sys
import unittest
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "clients" / "python"))

import websockets  # noqa: E402
from sluice_client import Realtime, Refused  # noqa: E402

EXAMPLE = Path(os.environ.get("SLUICE_BUILD_DIR", ROOT / "build" / "dev")) / "examples" / "03_table_pages"
PATIENCE = 60
logging.getLogger("websockets").setLevel(logging.CRITICAL)  # a line that breaks is no news here


class Example:
    """The program, on a port of its own."""

    async def __aenter__(self):
        self.program = await asyncio.create_subprocess_exec(str(EXAMPLE), "--port", "0", stdout=asyncio.subprocess.PIPE)
        line = (await asyncio.wait_for(self.program.stdout.readline(), PATIENCE)).decode()
        self.url = line.split()[-1].rstrip("/")
        self.socket = self.url.replace("http", "ws") + "/ws/core/"
        return self

    async def __aexit__(self, *_):
        self.program.terminate()
        await asyncio.wait_for(self.program.wait(), PATIENCE)

    async def call(self, method, path, token=None, body=None, headers=None):
        request = urllib.request.Request(self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                         headers={**({"Authorization": f"JWT {token}"} if token else {}), **(headers or {})})
        def ask():
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.loads(answer.read() or "null")
        return await asyncio.get_running_loop().run_in_executor(None, ask)

    async def token(self, user_id):
        return (await self.call("POST", "/api/sign-in", body={"user_id": user_id}))["token"]


class Live(unittest.IsolatedAsyncioTestCase):
    async def test_a_change_reaches_others_and_not_its_author(self):
        async with Example() as server:
            tokens = [await server.token(user_id) for user_id in (1, 2)]
            asked = []

            async def get_token(rejected):
                asked.append(rejected)
                return "not a token" if rejected is None else tokens[1]

            loads = []
            async with Realtime(server.socket, token=tokens[0]) as ada, Realtime(server.socket, token=get_token) as ben:
                await ada.subscribe("table", {"table_id": 1}).ready()
                async with ben.subscribe("table", {"table_id": "1"}, load=loads.append):
                    self.assertEqual((asked, loads), ([None, "not a token"], ["first"]))
                    events = ben.events("rows_updated")
                    own = ada.events("rows_updated")
                    await server.call("PATCH", "/api/tables/1/rows/1", tokens[0], {"Capital": "one"}, ada.headers)
                    await server.call("PATCH", "/api/tables/1/rows/1", tokens[0], {"Capital": "two"})
                    heard = [(await asyncio.wait_for(events.__anext__(), PATIENCE))["rows"][0]["cells"]["Capital"] for _ in range(2)]
                    self.assertEqual(heard, ["one", "two"])
                    event = await asyncio.wait_for(own.__anext__(), PATIENCE)
                    self.assertEqual(event["rows"][0]["cells"]["Capital"], "two")
                with self.assertRaises(Refused):
                    await ben.subscribe("nowhere", {}).ready()
                stopped = asyncio.get_running_loop().create_future()
                ben.on_status(lambda one: one.status == "stopped" and not stopped.done() and stopped.set_result(one.why))
                await server.call("POST", "/api/users/2/disconnect", tokens[0])
                self.assertEqual(await asyncio.wait_for(stopped, PATIENCE), "signed_out")

    async def test_a_broken_connection_is_restored_and_data_loaded_again(self):
        connections = []

        async def serve(socket, *_):
            connections.append(socket)
            await socket.send(json.dumps({"type": "authentication", "success": True, "web_socket_id": f"id {len(connections)}"}))
            async for text in socket:
                frame = json.loads(text)
                if "page" in frame:
                    await socket.send(json.dumps({"type": "page_add", "page": frame["page"], "parameters": {"table_id": 1}}))

        server = await websockets.serve(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        loads = []
        async with Realtime(f"ws://127.0.0.1:{port}/", token="t") as realtime:
            page = realtime.subscribe("table", {"table_id": 1}, load=loads.append)
            await asyncio.wait_for(page.ready(), PATIENCE)
            self.assertEqual(realtime.web_socket_id, "id 1")
            connections[0].transport.abort()
            while loads != ["first", "reconnect"]:
                await asyncio.sleep(0.01)
            await asyncio.wait_for(page.ready(), PATIENCE)
            self.assertEqual(realtime.web_socket_id, "id 2")
        server.close()
        await server.wait_closed()

    async def test_a_refused_handshake_names_its_reason(self):
        statuses = []

        async def answer(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(f"HTTP/1.1 {statuses.pop(0)}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        statuses[:] = ["401 Unauthorized"]
        async with Realtime(f"ws://127.0.0.1:{port}/", token="t") as realtime:  # the same token again: stopped
            while realtime.status != "stopped":
                await asyncio.sleep(0.01)
            self.assertEqual(realtime.why, "token_rejected")
        statuses[:] = ["503 Service Unavailable\r\nRetry-After: 100"]
        async with Realtime(f"ws://127.0.0.1:{port}/", token="t") as realtime:
            while realtime.status != "waiting":
                await asyncio.sleep(0.01)
            wait = realtime._status[2] - realtime._world.now()
            self.assertGreater(wait, 95)
            self.assertLess(wait, 111)
        server.close()


if __name__ == "__main__":
    unittest.main(argv=["python_live"])
