# SPDX-License-Identifier: MIT
"""Runs an example's program, and talks to it with clients that are not ours: Python's websockets and http.client."""
import asyncio
import base64
import hashlib
import hmac
import http.client
import inspect
import json
import logging
import os
import re
import signal
import subprocess
from pathlib import Path

os.environ["no_proxy"] = "*"
import websockets  # noqa: E402  (it reads the environment)

PATIENCE = 60  # seconds, for what should take milliseconds; a machine may have other things to do
logging.getLogger("asyncio").setLevel(logging.ERROR)  # not every step that took long
BUILD = Path(os.environ["SLUICE_BUILD_DIR"])
EXAMPLES = BUILD / "examples"


def program(name):
    """The path of an example, or of a server that the tests have of their own: `e2e_...`."""
    return (BUILD / "tests" / "e2e" if name.startswith("e2e_") else EXAMPLES) / name


class Example:
    """A running example on a port of its own: `with Example("01_echo") as echo: ...`. It must end by itself on SIGINT.
    With `socket`, one that listens already, it is started as systemd would."""

    def __init__(self, name, *options, socket=None):
        self.command = [str(program(name)), "--port", "0", "--threads", "2", *options]
        self.passed = () if socket is None else (socket.fileno(),)
        if self.passed:
            passing = 'fd=$1; shift; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web exec "$@" 3<&"$fd"'
            self.command = ["bash", "-c", passing, "bash", str(self.passed[0]), *self.command]

    def __enter__(self):
        self.told = False
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True, pass_fds=self.passed)
        line = self.process.stdout.readline()
        heard = re.fullmatch(r"listening on http(s?)://([\d.]+):(\d+)/\n", line)
        if not heard:
            self.process.kill()
            raise AssertionError(f"{self.command} said {line!r}")
        self.scheme, self.host, self.port = "ws" + heard[1], heard[2], int(heard[3])
        return self

    def stop(self, how=signal.SIGTERM):
        """Tells it to end, once: a second signal would end it in the middle of that."""
        if not self.told:
            self.told = True
            self.process.send_signal(how)

    def __exit__(self, error, *_):
        self.stop(signal.SIGINT)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"{self.command} does not end")
        finally:
            self.process.stdout.close()
        if not error and status != 0:
            raise AssertionError(f"{self.command} ended with {status}")

    async def connect(self, target, **options):
        return Client(await websockets.connect(f"{self.scheme}://{self.host}:{self.port}{target}", max_size=None, **options))

    def request(self, method, path, body=None, headers=()):
        """Status, headers and body of one request on a connection of its own."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()


class Client:
    """One WebSocket. Whatever it waits for comes within PATIENCE, or the test fails."""

    def __init__(self, socket):
        self.socket = socket

    async def say(self, message):
        await self.socket.send(json.dumps(message))

    async def hear(self):
        return json.loads(await asyncio.wait_for(self.socket.recv(), PATIENCE))

    async def hear_close(self):
        """The close code; a message that comes first is a failure."""
        try:
            message = await asyncio.wait_for(self.socket.recv(), PATIENCE)
        except websockets.exceptions.ConnectionClosed:
            return self.socket.close_code
        raise AssertionError(f"heard {message!r} instead of the end")

    async def close(self):
        await self.socket.close()


async def refused(connecting):
    """The HTTP status of a handshake that is refused."""
    try:
        await connecting
    except websockets.exceptions.InvalidHandshake as error:
        response = getattr(error, "response", None)
        return response.status_code if response else error.status_code
    raise AssertionError("the handshake was accepted")


def jwt(secret, **claims):
    """A token signed with HS256, by the book (RFC 7515)."""
    def encoded(part):
        return base64.urlsafe_b64encode(part).rstrip(b"=")

    signed = b".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return (signed + b"." + encoded(hmac.new(secret.encode(), signed, hashlib.sha256).digest())).decode()


def extensions_of(socket):
    """What was agreed on: the newer asyncio client of websockets keeps it in its protocol."""
    return getattr(socket, "protocol", socket).extensions


def with_headers(headers):
    """The option of websockets.connect that sends these headers: the newer asyncio client has another name for it."""
    newer = "additional_headers" in inspect.signature(websockets.connect).parameters
    return {"additional_headers" if newer else "extra_headers": headers}
