# SPDX-License-Identifier: MIT
"""What each program of examples/embedding must do, whichever server accepts its connections."""
import asyncio
import http.client
import socket

from support.example import PATIENCE, Example, refused

import websockets  # after the above, which sets what it reads

LARGE = "x" * 300_000
TOO_LARGE = "x" * 400_001
NUMBERS = [str(number) for number in range(2_000)]
FLOOD = 100  # large messages that a client sends and whose echoes it does not read


class Server(Example):
    """A program under the probe. `tls`: the context of clients, where it speaks TLS."""

    def __init__(self, name, *options, tls=None):
        super().__init__(name, *options)
        self.tls = tls

    async def connect(self, target, **options):
        return await super().connect(target, **({"ssl": self.tls} if self.tls else {}), **options)

    def status(self, path):
        """Of a plain request."""
        connection = (http.client.HTTPSConnection(self.host, self.port, context=self.tls, timeout=PATIENCE) if self.tls
                      else http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE))
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()


async def hear(client, count=1):
    return [await asyncio.wait_for(client.socket.recv(), PATIENCE) for _ in range(count)]


async def chat(server):
    ada = await server.connect("/ws/chat/lobby/?name=ada")
    heard = [await ada.hear()]
    ben = await server.connect("/ws/chat/lobby/?name=ben")
    heard += [await ada.hear(), await ben.hear()]
    await ben.say({"text": "grüße"})
    heard += [await ada.hear(), await ben.hear()]
    await ben.close()
    heard.append(await ada.hear())
    await ada.close()
    return [" ".join(news.values()) for news in heard] == [
        "joined ada", "joined ben", "joined ben", "said ben grüße", "said ben grüße", "left ben"]


async def own_event(server):
    readers = [await server.connect("/ws/news/") for _ in range(3)]
    for text in ("one", "two"):
        await readers[0].say({"headline": text})
    heard = [[await reader.hear() for _ in range(2)] for reader in readers]
    for reader in readers:
        await reader.close()
    return heard == [[{"number": 1, "headline": "one"}, {"number": 2, "headline": "two"}]] * 3


async def large_message(server):
    client = await server.connect("/ws/echo/")
    await client.socket.send(LARGE)
    heard = await hear(client)
    await client.close()
    return heard == [LARGE]


async def in_order(server):
    client = await server.connect("/ws/echo/")
    receiving = asyncio.create_task(hear(client, len(NUMBERS)))
    for number in NUMBERS:
        await client.socket.send(number)
    heard = await receiving
    await client.close()
    return heard == NUMBERS


async def not_found(server):
    loop = asyncio.get_running_loop()
    plain = await loop.run_in_executor(None, server.status, "/nowhere")
    return (await refused(server.connect("/ws/nowhere/")), plain) == (404, 404)


async def closed_with(server, target, send):
    client = await server.connect(target)
    await send(client)
    while True:
        try:
            await asyncio.wait_for(client.socket.recv(), PATIENCE)
        except websockets.exceptions.ConnectionClosed:
            return client.socket.close_code


async def close_1003(server):
    return await closed_with(server, "/ws/chat/lobby/", lambda client: client.socket.send(b"binary")) == 1003


async def close_1009(server):
    return await closed_with(server, "/ws/echo/", lambda client: client.socket.send(TOO_LARGE)) == 1009


def frame(opcode, payload):
    """A frame of a client, its mask four zeros."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big") if size < 65_536 else b"\xff" + size.to_bytes(8, "big")
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


class Raw:
    """A client without a library: what a library would not send, or not leave unread."""

    def __init__(self, server, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect((server.host, server.port))
        if server.tls:
            self.socket = server.tls.wrap_socket(self.socket, server_hostname="localhost")
        self.socket.sendall(b"GET /ws/echo/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
        self.received = b""
        while b"\r\n\r\n" not in self.received:
            self.received += self.socket.recv(1)

    def rest(self):
        """All that comes until the end."""
        received = b""
        try:
            while more := self.socket.recv(1 << 16):
                received += more
        except OSError:  # a reset, or with TLS the end of the connection without that of TLS
            pass
        self.socket.close()
        return received


def raw_1007(server):
    client = Raw(server)
    client.socket.sendall(frame(1, b"\xff"))
    return client.rest()[2:4] == (1007).to_bytes(2, "big")


def raw_reader_that_takes_nothing(server):
    client = Raw(server, receive_buffer=4096)
    message = frame(2, LARGE.encode())
    try:
        for _ in range(FLOOD):
            client.socket.sendall(message)
    except OSError:
        pass  # the server has closed it
    return len(client.rest()) < FLOOD * len(LARGE)


async def close_1007(server):
    return await asyncio.get_running_loop().run_in_executor(None, raw_1007, server)


async def reader_that_takes_nothing(server):
    """It is closed, and others are served meanwhile."""
    flood = asyncio.get_running_loop().run_in_executor(None, raw_reader_that_takes_nothing, server)
    return await chat(server) and await flood


async def stop(server):
    """Open WebSockets are closed with 1012, and the program ends."""
    clients = [await server.connect("/ws/echo/") for _ in range(3)]
    server.stop()
    codes = [await client.hear_close() for client in clients]
    return codes == [1012] * 3 and server.process.wait(PATIENCE) == 0


PROBES = (chat, own_event, large_message, in_order, not_found, close_1003, close_1007, close_1009,
          reader_that_takes_nothing, stop)


async def failures(server):
    """The names of the probes that fail."""
    return [probe.__name__ for probe in PROBES if not await probe(server)]


def failures_of(name, *options, tls=None):
    with Server(name, *options, tls=tls) as server:
        return asyncio.run(failures(server))
