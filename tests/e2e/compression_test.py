# SPDX-License-Identifier: MIT
"""e2e_echo with permessage-deflate, beside Python's websockets: the offers and message sizes that Autobahn's test suite
goes through in its categories 12 and 13, and what zlib says of the bytes on the wire."""
import asyncio
import functools
import json
import unittest

from support.example import PATIENCE, Example, extensions_of
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory as Offer

SIZES = (16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072)
OFFERS = {
    "nothing asked": [Offer()],
    "the server forgets": [Offer(server_no_context_takeover=True)],
    "the client forgets": [Offer(client_no_context_takeover=True)],
    "both forget": [Offer(server_no_context_takeover=True, client_no_context_takeover=True)],
    **{f"server window {bits}": [Offer(server_max_window_bits=bits)] for bits in (9, 12, 15)},
    **{f"client window {bits}": [Offer(client_max_window_bits=bits)] for bits in (9, 12, 15)},
    "all at once": [Offer(True, True, 9, 9)],
    "three offers": [Offer(True, False, 9), Offer(True), Offer(client_max_window_bits=True)],
}


@functools.cache
def sample(size):
    """JSON of about this many bytes."""
    rows = [{"id": i, "name": "Grüße" * (i % 4), "value": i * 7919 % 10007} for i in range(size // 40 + 1)]
    return json.dumps(rows, ensure_ascii=False)[:size]


class Compression(unittest.IsolatedAsyncioTestCase):
    async def enter(self, echo, offer):
        client = await echo.connect("/", compression=None, extensions=offer)
        self.addAsyncCleanup(client.close)
        return client.socket

    async def echoes(self, socket, message):
        await socket.send(message)
        heard = await asyncio.wait_for(socket.recv(), PATIENCE)
        self.assertEqual(heard, b"".join(message) if isinstance(message, list) else message)

    async def converse(self, socket):
        for size in SIZES:
            await self.echoes(socket, sample(size))
            await self.echoes(socket, sample(size).encode())
        for message in ("", b"", bytes(1_000_000), "ü" * 100_000):
            await self.echoes(socket, message)
        whole = sample(50_000).encode()
        await self.echoes(socket, [whole[at:at + 256] for at in range(0, len(whole), 256)])
        for number in range(200):
            await socket.send(f"{number} " + sample(200))
        for number in range(200):
            heard = await asyncio.wait_for(socket.recv(), PATIENCE)
            self.assertEqual(heard, f"{number} " + sample(200))

    async def test_every_offer_is_accepted_and_every_message_comes_back(self):
        for options in ((), ("--keep-windows",)):
            with Example("e2e_echo", *options) as echo:
                for name, offer in OFFERS.items():
                    with self.subTest(name, options=options):
                        socket = await self.enter(echo, offer)
                        self.assertEqual([extension.name for extension in extensions_of(socket)], ["permessage-deflate"])
                        await self.converse(socket)
                        await socket.close()

    async def test_windows_are_kept_only_where_both_want_it(self):
        async def kept(echo, offer):
            socket = await self.enter(echo, offer)
            await socket.close()
            [deflate] = extensions_of(socket)
            return not deflate.remote_no_context_takeover, not deflate.local_no_context_takeover

        with Example("e2e_echo") as echo:
            self.assertEqual(await kept(echo, [Offer()]), (False, False))
        with Example("e2e_echo", "--keep-windows") as echo:
            self.assertEqual(await kept(echo, [Offer()]), (True, True))
            self.assertEqual(await kept(echo, [Offer(server_no_context_takeover=True)]), (False, True))

    async def test_a_bomb_is_refused(self):
        with Example("e2e_echo", "--max-message-bytes", "1000000") as echo:
            client = await echo.connect("/", compression=None, extensions=[Offer()])
            await client.socket.send(bytes(100_000_000))
            self.assertEqual(await client.hear_close(), 1009)


if __name__ == "__main__":
    unittest.main(argv=["compression"], verbosity=2)
