# SPDX-License-Identifier: MIT
"""Debian's nginx with the configurations of docs/deploy in front of 08_behind_a_proxy."""
import asyncio
import http.client
import socket
import ssl
import unittest

from support.certificate import Certificate
from support.example import PATIENCE, Client, Example, extensions_of, refused, with_headers
from support.nginx import Nginx
import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory as Offer

OUTSIDE = "127.0.0.2"  # clients come from here, so that only nginx is trusted


class BehindNginx(unittest.IsolatedAsyncioTestCase):
    async def connect(self, port, host="localhost", **options):
        """A client, and what the server told it."""
        url = f"{'wss' if 'ssl' in options else 'ws'}://{host}:{port}/"
        socket = await websockets.connect(url, host="127.0.0.1", local_addr=(OUTSIDE, 0), max_size=None, **options)
        client = Client(socket)
        self.addAsyncCleanup(client.close)
        return client, await self.hear(client)

    async def hear(self, client):
        return await asyncio.wait_for(client.socket.recv(), PATIENCE)

    async def echoes(self, client, message):
        await client.socket.send(message)
        heard = await self.hear(client)
        self.assertTrue(heard == message, f"{len(message)} bytes came back otherwise")

    async def converse(self, port, **options):
        client, _ = await self.connect(port, **options)
        for message in ("hello", b"\x00\xff", "", "grüße " * 50, bytes(1000)):
            await self.echoes(client, message)
        await self.echoes(client, "é" * 2_000_000)
        await self.echoes(client, bytes(range(256)) * 30_000)
        for number in range(500):
            await client.socket.send(str(number))
        self.assertEqual([await self.hear(client) for _ in range(500)], [str(number) for number in range(500)])
        await (await client.socket.ping("still there?"))
        return client


class HttpMode(BehindNginx):
    def setUp(self):
        self.server = self.enterContext(Example("08_behind_a_proxy"))
        self.nginx = self.enterContext(Nginx("nginx.conf", upstream=self.server.port))

    def get(self, headers=(), path="/"):
        connection = http.client.HTTPConnection("127.0.0.1", self.nginx.port, timeout=PATIENCE,
                                                source_address=(OUTSIDE, 0))
        self.addCleanup(connection.close)
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    async def test_messages_pass_plain_and_compressed(self):
        plain = await self.converse(self.nginx.port, compression=None)
        self.assertEqual(extensions_of(plain.socket), [])
        compressed = await self.converse(self.nginx.port, compression=None, extensions=[Offer()])
        self.assertEqual([extension.name for extension in extensions_of(compressed.socket)], ["permessage-deflate"])

    async def test_the_server_knows_its_client(self):
        _, told = await self.connect(self.nginx.port)
        self.assertEqual(told, f"you are {OUTSIDE}:0, over ws, at localhost:{self.nginx.port}")
        self.assertEqual(self.get(), (200, f"you are {OUTSIDE}:0, over http, at 127.0.0.1:{self.nginx.port}\n"))

    async def test_a_client_with_forged_headers_is_identified(self):
        lies = {"X-Forwarded-For": "203.0.113.9, 127.0.0.1", "X-Forwarded-Proto": "https",
                "X-Forwarded-Host": "evil.example", "Forwarded": "for=203.0.113.9;proto=https"}
        _, told = await self.connect(self.nginx.port, **with_headers(lies))
        self.assertEqual(told, f"you are {OUTSIDE}:0, over ws, at localhost:{self.nginx.port}")
        garbage = {"X-Forwarded-For": "\"garbage", "X-Forwarded-Host": "a b", "Forwarded": "for=\""}
        self.assertEqual(self.get(garbage), (200, f"you are {OUTSIDE}:0, over http, at 127.0.0.1:{self.nginx.port}\n"))

    async def test_a_close_code_passes(self):
        client, _ = await self.connect(self.nginx.port)
        await client.socket.close(4321, "enough")
        self.assertEqual(client.socket.close_code, 4321)

    async def test_when_the_server_vanishes_clients_notice_it_and_can_reconnect(self):
        port = self.server.port
        clients = [(await self.connect(self.nginx.port))[0] for _ in range(3)]
        self.server.process.kill()
        self.server.process.wait()
        self.server.process.stdout.close()
        for client in clients:
            self.assertEqual(await client.hear_close(), 1006)
        self.assertEqual(await refused(websockets.connect(f"ws://127.0.0.1:{self.nginx.port}/")), 502)
        self.assertEqual(self.get()[0], 502)
        self.server.command += ["--port", str(port)]
        self.server.__enter__()
        client, _ = await self.connect(self.nginx.port)
        await self.echoes(client, "again")

    async def test_when_the_server_stops_clients_are_closed_with_a_reason(self):
        client, _ = await self.connect(self.nginx.port)
        self.server.stop()
        self.assertEqual(await client.hear_close(), 1012)


class StreamMode(BehindNginx):
    def setUp(self):
        self.server = self.enterContext(Example("08_behind_a_proxy", "--proxy-protocol"))
        self.nginx = self.enterContext(Nginx("nginx-stream.conf", upstream=self.server.port, block="stream"))

    async def test_messages_pass_plain_and_compressed(self):
        await self.converse(self.nginx.port, compression=None)
        await self.converse(self.nginx.port, compression=None, extensions=[Offer()])

    async def test_the_server_knows_its_client_to_the_port_despite_forged_headers(self):
        client, told = await self.connect(self.nginx.port, **with_headers({"X-Forwarded-For": "203.0.113.9"}))
        port = client.socket.local_address[1]
        self.assertEqual(told, f"you are {OUTSIDE}:{port}, over ws, at localhost:{self.nginx.port}")

    async def test_past_nginx_a_header_is_needed_from_its_address_and_refused_from_others(self):
        for source, said, answer in (("127.0.0.1", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b""),
                                     (OUTSIDE, b"PROXY TCP4 203.0.113.9 127.0.0.1 1 2\r\n\r\n", b"HTTP/1.1 400 ")):
            with socket.create_connection(("127.0.0.1", self.server.port), PATIENCE, (source, 0)) as direct:
                direct.sendall(said)
                try:
                    heard = direct.recv(13)
                except ConnectionResetError:
                    heard = b""
                self.assertEqual(heard, answer, source)


class TlsAtNginx(BehindNginx):
    """Clients speak TLS with nginx, and nginx does not with the server."""

    @classmethod
    def setUpClass(cls):
        cls.certificate = cls.enterClassContext(Certificate())
        cls.trusting = ssl.create_default_context(cafile=cls.certificate.chain)

    def setUp(self):
        self.server = self.enterContext(Example("08_behind_a_proxy"))
        self.nginx = self.enterContext(Nginx("nginx.conf", upstream=self.server.port, certificate=self.certificate))

    def get(self):
        connection = http.client.HTTPSConnection("127.0.0.1", self.nginx.port, timeout=PATIENCE,
                                                 source_address=(OUTSIDE, 0), context=self.trusting)
        self.addCleanup(connection.close)
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    async def test_messages_pass_plain_and_compressed(self):
        await self.converse(self.nginx.port, ssl=self.trusting, compression=None)
        compressed = await self.converse(self.nginx.port, ssl=self.trusting, compression=None, extensions=[Offer()])
        self.assertEqual([extension.name for extension in extensions_of(compressed.socket)], ["permessage-deflate"])

    async def test_the_server_knows_its_client_and_that_it_came_over_tls(self):
        lies = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}
        for _ in range(3):  # the later ones on connections that nginx has kept, or with a session resumed
            _, told = await self.connect(self.nginx.port, ssl=self.trusting, **with_headers(lies))
            self.assertEqual(told, f"you are {OUTSIDE}:0, over wss, at localhost:{self.nginx.port}")
            self.assertEqual(self.get(), (200, f"you are {OUTSIDE}:0, over https, at 127.0.0.1:{self.nginx.port}\n"))

    async def test_a_close_code_passes(self):
        client, _ = await self.connect(self.nginx.port, ssl=self.trusting)
        await client.socket.close(4321, "enough")
        self.assertEqual(client.socket.close_code, 4321)

    async def test_when_the_server_stops_clients_are_closed_with_a_reason(self):
        client, _ = await self.connect(self.nginx.port, ssl=self.trusting)
        self.server.stop()
        self.assertEqual(await client.hear_close(), 1012)


class TlsOnBothSides(TlsAtNginx):
    """As above, and nginx speaks TLS with the server too, and wants to see its certificate."""

    def setUp(self):
        inside = self.enterContext(Certificate())
        self.server = self.enterContext(Example("08_behind_a_proxy", *inside.options))
        self.nginx = self.enterContext(self.behind(inside))

    def behind(self, trusted):
        return Nginx("nginx-tls.conf", upstream=self.server.port, certificate=self.certificate, trusted=trusted)

    async def test_nginx_refuses_a_server_that_it_does_not_trust(self):
        with self.behind(self.certificate) as suspicious:
            connecting = websockets.connect(f"wss://localhost:{suspicious.port}/", host="127.0.0.1", ssl=self.trusting)
            self.assertEqual(await refused(connecting), 502)


class TlsThroughNginx(BehindNginx):
    """nginx passes bytes on: a PROXY header of its own, and behind it the client's TLS, which ends in the server."""

    def setUp(self):
        certificate = self.enterContext(Certificate())
        self.trusting = ssl.create_default_context(cafile=certificate.chain)
        self.server = self.enterContext(Example("08_behind_a_proxy", "--proxy-protocol", *certificate.options))
        self.nginx = self.enterContext(Nginx("nginx-stream.conf", upstream=self.server.port, block="stream"))

    async def test_messages_pass_plain_and_compressed(self):
        await self.converse(self.nginx.port, ssl=self.trusting, compression=None)
        await self.converse(self.nginx.port, ssl=self.trusting, compression=None, extensions=[Offer()])

    async def test_the_server_knows_its_client_to_the_port(self):
        client, told = await self.connect(self.nginx.port, ssl=self.trusting)
        port = client.socket.local_address[1]
        self.assertEqual(told, f"you are {OUTSIDE}:{port}, over wss, at localhost:{self.nginx.port}")


if __name__ == "__main__":
    unittest.main(argv=["nginx"], verbosity=2)
