# SPDX-License-Identifier: MIT
"""01_echo with TLS, heard by Python's websockets, curl and openssl s_client."""
import asyncio
import ssl
import subprocess
import unittest

from support.certificate import Certificate
from support.example import EXAMPLES, PATIENCE, Example


def s_client(echo, *options):
    """What openssl s_client says of a handshake, all of it."""
    ended = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{echo.port}", *options],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    return ended.stdout + ended.stderr


class Tls(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.certificate = cls.enterClassContext(Certificate())

    def trusting(self, version=None):
        context = ssl.create_default_context(cafile=self.certificate.chain)
        if version:
            context.minimum_version = context.maximum_version = version
        return context

    async def test_messages_of_every_size_come_back(self):
        with Example("01_echo", *self.certificate.options) as echo:
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                for compression in (None, "deflate"):
                    client = await echo.connect("/", ssl=self.trusting(version), compression=compression)
                    for size in (0, 1, 125, 126, 16_383, 16_384, 16_385, 65_536, 1_000_000):
                        for message in ("x" * size, b"y" * size):
                            await client.socket.send(message)
                            heard = await asyncio.wait_for(client.socket.recv(), PATIENCE)
                            self.assertTrue(heard == message, f"{version} {compression} {size}")
                    await client.close()
                    self.assertEqual(client.socket.close_code, 1000)

    async def test_fifty_clients_talk_at_once(self):
        with Example("01_echo", *self.certificate.options) as echo:
            async def talk(number):
                client = await echo.connect("/", ssl=self.trusting())
                for turn in range(20):
                    await client.socket.send(f"{number} {turn} " + "z" * (turn * 997))
                for turn in range(20):
                    heard = await asyncio.wait_for(client.socket.recv(), PATIENCE)
                    self.assertTrue(heard.startswith(f"{number} {turn} "))
                await client.close()

            await asyncio.gather(*(talk(number) for number in range(50)))

    async def test_a_client_that_does_not_trust_the_certificate_reports_it(self):
        with Example("01_echo", *self.certificate.options) as echo:
            with self.assertRaises(ssl.SSLCertVerificationError):
                await echo.connect("/", ssl=ssl.create_default_context())
            client = await echo.connect("/", ssl=self.trusting())
            await client.close()

    def test_s_client_sees_the_expected_handshake(self):
        with Example("01_echo", *self.certificate.options) as echo:
            self.assertIn("ALPN protocol: http/1.1", s_client(echo, "-alpn", "h2,http/1.1"))
            self.assertIn("no application protocol", s_client(echo, "-alpn", "h2"))
            self.assertIn("TLSv1.3", s_client(echo))
            self.assertIn("TLSv1.2", s_client(echo, "-tls1_2"))
            refused = s_client(echo, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
            self.assertRegex(refused, "alert protocol version|unsupported protocol")
            self.assertRegex(s_client(echo, "-tls1_2", "-cipher", "AES128-SHA"), "handshake failure")

    def test_curl_asks_in_the_clear_and_with_tls(self):
        with Example("01_echo", *self.certificate.options) as echo:
            def curl(url):
                command = ["curl", "-s", "--noproxy", "*", "--cacert", self.certificate.chain, "-w", "%{http_code}", url]
                return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE).stdout

            self.assertEqual(curl(f"https://localhost:{echo.port}/"), "not found\n404")
            self.assertTrue(curl(f"http://localhost:{echo.port}/").endswith("400"))

    def test_an_unreadable_certificate_is_named(self):
        for options in (("--tls-certificate", "/nowhere/chain.pem", "--tls-key", self.certificate.key),
                        ("--tls-certificate", self.certificate.chain, "--tls-key", self.certificate.chain)):
            ended = subprocess.run([EXAMPLES / "01_echo", "--port", "0", *options], capture_output=True, text=True,
                                   timeout=PATIENCE)
            self.assertEqual((ended.returncode, ended.stdout), (1, ""))
            self.assertIn(options[1], ended.stderr)


if __name__ == "__main__":
    unittest.main(argv=["tls"], verbosity=2)
