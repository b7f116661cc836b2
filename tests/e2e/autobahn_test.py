# SPDX-License-Identifier: MIT
"""e2e_echo, beside autobahn, the library that the Autobahn test suite is made of: plain, compressed in every way that
it can ask for, and all of it over TLS."""
import asyncio
import json
import os
import ssl
import unittest

from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol
from autobahn.websocket.compress import (PerMessageDeflateOffer, PerMessageDeflateResponse,
                                         PerMessageDeflateResponseAccept)
from support.certificate import Certificate
from support.example import PATIENCE, Example

OFFERS = {
    "nothing asked": PerMessageDeflateOffer(),
    "the server forgets": PerMessageDeflateOffer(request_no_context_takeover=True),
    "a small server window": PerMessageDeflateOffer(request_max_window_bits=9),
    "everything": PerMessageDeflateOffer(True, True, True, 10),
    "nothing allowed": PerMessageDeflateOffer(accept_no_context_takeover=False, accept_max_window_bits=False),
}
SIZES = (0, 1, 125, 126, 127, 128, 65_535, 65_536, 1_000_000)


class Protocol(WebSocketClientProtocol):
    def onOpen(self):
        self.heard.put_nowait("open")

    def onMessage(self, payload, isBinary):
        self.heard.put_nowait(payload if isBinary else payload.decode())

    def onPong(self, payload):
        self.heard.put_nowait(("pong", payload))

    def onClose(self, wasClean, code, reason):
        self.heard.put_nowait(("closed", wasClean, code))


class Autobahn(unittest.IsolatedAsyncioTestCase):
    async def connect(self, echo, offers=(), tls=None, **options):
        factory = WebSocketClientFactory(f"{echo.scheme}://localhost:{echo.port}/")
        factory.protocol = Protocol
        factory.setProtocolOptions(perMessageCompressionOffers=list(offers),
                                   perMessageCompressionAccept=self.accept_compression, **options)
        loop = asyncio.get_running_loop()

        def make():
            protocol = factory()
            protocol.heard = asyncio.Queue()
            return protocol

        transport, protocol = await loop.create_connection(make, "127.0.0.1", echo.port, ssl=tls,
                                                            server_hostname="localhost" if tls else None)
        self.addCleanup(transport.abort)
        self.assertEqual(await self.hear(protocol), "open")
        return protocol

    @staticmethod
    def accept_compression(response):
        return PerMessageDeflateResponseAccept(response) if isinstance(response, PerMessageDeflateResponse) else None

    async def hear(self, protocol):
        return await asyncio.wait_for(protocol.heard.get(), PATIENCE)

    async def echoes(self, protocol, message, fragment=None):
        binary = isinstance(message, bytes)
        protocol.sendMessage(message if binary else message.encode(), isBinary=binary, fragmentSize=fragment)
        heard = await self.hear(protocol)
        self.assertTrue(heard == message, f"{len(message)} bytes came back otherwise")

    async def converse(self, protocol):
        for size in SIZES:
            await self.echoes(protocol, os.urandom(size))
            await self.echoes(protocol, ("grüße " * (size // 7 + 1))[:size])
        rows = json.dumps([{"id": number, "name": f"row {number}"} for number in range(1000)])
        for fragment in (1000, 64):
            await self.echoes(protocol, rows, fragment)
        for number in range(200):
            protocol.sendMessage(f"{number} {rows[:200]}".encode())
        for number in range(200):
            self.assertEqual(await self.hear(protocol), f"{number} {rows[:200]}")
        protocol.sendPing(b"still there?")
        self.assertEqual(await self.hear(protocol), ("pong", b"still there?"))
        protocol.sendClose(1000, "bye")
        self.assertEqual(await self.hear(protocol), ("closed", True, 1000))

    async def test_plain(self):
        with Example("e2e_echo") as echo:
            protocol = await self.connect(echo)
            self.assertIsNone(protocol.websocket_extensions_in_use or None)
            await self.converse(protocol)

    async def test_compressed(self):
        for options in ((), ("--keep-windows",)):
            with Example("e2e_echo", *options) as echo:
                for name, offer in OFFERS.items():
                    with self.subTest(name, options=options):
                        protocol = await self.connect(echo, [offer])
                        in_use = [type(extension).__name__ for extension in protocol.websocket_extensions_in_use]
                        self.assertEqual(in_use, ["PerMessageDeflate"])
                        await self.converse(protocol)

    async def test_over_tls_plain_and_compressed(self):
        with Certificate() as certificate, Example("e2e_echo", *certificate.options) as echo:
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                trusting = ssl.create_default_context(cafile=certificate.chain)
                trusting.minimum_version = trusting.maximum_version = version
                for name, offers in (("plain", []), *((name, [offer]) for name, offer in OFFERS.items())):
                    with self.subTest(name, version=version):
                        protocol = await self.connect(echo, offers, tls=trusting)
                        self.assertEqual(bool(protocol.websocket_extensions_in_use), bool(offers))
                        await self.converse(protocol)

    async def test_a_frame_that_is_forbidden_closes_1002(self):
        with Example("e2e_echo") as echo:
            protocol = await self.connect(echo, failByDrop=False)
            protocol.sendFrame(opcode=3, payload=b"reserved")
            self.assertEqual(await self.hear(protocol), ("closed", True, 1002))


if __name__ == "__main__":
    unittest.main(argv=["autobahn"], verbosity=2)
