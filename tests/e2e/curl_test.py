# SPDX-License-Identifier: MIT
"""08_behind_a_proxy, heard by curl: plain requests, an upgrade by hand, the PROXY protocol, and ws:// where curl has it."""
import re
import subprocess
import unittest

from support.example import PATIENCE, Example

UPGRADE = ("-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
YOU = re.compile(r"you are ([^ ]+), over (\w+), at ([^ \n]+)")


def curl(*options):
    command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", str(PATIENCE), *options]
    return subprocess.run(command, capture_output=True, timeout=2 * PATIENCE, check=True).stdout.decode()


def speaks_web_sockets():
    said = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout
    protocols = next(line for line in said.splitlines() if line.startswith("Protocols:"))
    return "ws" in protocols.split()


def read_until(stream, pattern):
    heard = b""
    while not re.search(pattern, heard, re.DOTALL):
        byte = stream.read(1)
        if not byte:
            raise AssertionError(f"curl ended after {heard!r}")
        heard += byte
    return heard


class Curl(unittest.TestCase):
    def serve(self, *options):
        example = self.enterContext(Example("08_behind_a_proxy", *options))
        self.place = f"127.0.0.1:{example.port}"

    def first_frame(self, *options):
        """The head of the answer, and the text of the first frame; curl itself would wait for more."""
        command = ["curl", "--silent", "--no-buffer", "--noproxy", "*", "--http1.1", "--include", *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
            try:
                heard = read_until(client.stdout, rb"\r\n\r\n\x81(.)$")
                head, frame = heard.split(b"\r\n\r\n", 1)
                return head.decode(), client.stdout.read(frame[1]).decode()
            finally:
                client.kill()

    def test_plain_requests_are_answered_over_one_connection(self):
        self.serve()
        url = f"http://{self.place}/"
        said = YOU.findall(curl(url, url, url))
        self.assertEqual([(scheme, host) for _, scheme, host in said], [("http", self.place)] * 3)
        self.assertEqual(len({client for client, _, _ in said}), 1)

    def test_an_upgrade_by_hand_opens_a_web_socket(self):
        self.serve()
        head, text = self.first_frame(*UPGRADE, "-H", "Sec-WebSocket-Version: 13", f"http://{self.place}/")
        self.assertTrue(head.startswith("HTTP/1.1 101 "), head)
        self.assertIn("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", head)
        self.assertRegex(text, f"^you are 127.0.0.1:[0-9]+, over ws, at {self.place}$")

    def test_an_upgrade_that_is_not_one_is_refused(self):
        self.serve()
        url = f"http://{self.place}/"
        for version, status in (("8", "426"), ("x", "426")):
            answer = curl("--include", *UPGRADE, "-H", f"Sec-WebSocket-Version: {version}", url)
            self.assertTrue(answer.startswith(f"HTTP/1.1 {status} "), answer)
            self.assertIn("Sec-WebSocket-Version: 13", answer)
        for options, status in ((("-X", "POST"), "405"), (("--http1.0",), "400")):
            answer = curl("--include", *options, *UPGRADE, "-H", "Sec-WebSocket-Version: 13", url)
            self.assertRegex(answer.splitlines()[0], f"^HTTP/1.1 {status} ")

    def test_an_upgrade_to_http_2_is_ignored(self):
        self.serve()
        self.assertRegex(curl("--http2", f"http://{self.place}/"), YOU)

    def test_headers_of_a_trusted_proxy_are_used(self):
        self.serve()
        forwarded = ("-H", "X-Forwarded-For: 203.0.113.1, 192.0.2.7", "-H", "X-Forwarded-Proto: https")
        self.assertEqual(curl(*forwarded, f"http://{self.place}/"), f"you are 192.0.2.7:0, over https, at {self.place}\n")

    def test_the_proxy_protocol_of_curl_is_accepted(self):
        self.serve("--proxy-protocol")
        client, scheme, host = YOU.match(curl("--haproxy-protocol", f"http://{self.place}/")).groups()
        self.assertEqual((client.split(":")[0], scheme, host), ("127.0.0.1", "http", self.place))

    @unittest.skipUnless(speaks_web_sockets(), "this curl has no ws://")
    def test_curl_opens_a_web_socket_itself(self):
        self.serve()
        command = ["curl", "--silent", "--no-buffer", "--noproxy", "*", f"ws://{self.place}/"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
            try:
                heard = read_until(client.stdout, f"you are .* at {self.place}$".encode())
            finally:
                client.kill()
        self.assertRegex(heard.decode(), YOU)


if __name__ == "__main__":
    unittest.main(argv=["curl"], verbosity=2)
