# SPDX-License-Identifier: MIT
"""What the client touches of the world outside: the clock, chance, and sockets by the package `websockets`."""
import asyncio
import inspect
import random
import time

import websockets

# Version 10 calls the argument extra_headers, version 14 and later additional_headers.
HEADERS = "additional_headers" if "additional_headers" in inspect.signature(websockets.connect).parameters else "extra_headers"


class Link:
    """One socket; what comes of it goes to `events`: opened(), message(text), closed(code, reason, status, retry_after)."""

    def __init__(self, url, headers, events):
        self._events = events
        self._socket = None
        self._sending = asyncio.Queue()
        self._task = asyncio.ensure_future(self._run(url, headers))

    def send(self, text):
        self._sending.put_nowait(text)

    def close(self, code):
        """Nobody waits for the end of it."""
        self._events = None
        self._sending.put_nowait(None)
        if self._socket is None:
            self._task.cancel()
        else:
            asyncio.ensure_future(self._socket.close(code or 1000))

    async def _run(self, url, headers):
        code, reason, status, retry_after = 1006, "", None, None
        sender = None
        try:
            # Silence is watched by messages, like in a browser; no deadline of its own.
            self._socket = await websockets.connect(url, **{HEADERS: headers}, ping_interval=None, open_timeout=None,
                                                    max_size=None)
            sender = asyncio.ensure_future(self._send_all())
            if self._events:
                self._events.opened()
            while True:
                text = await self._socket.recv()
                if self._events:
                    self._events.message(text)
        except websockets.ConnectionClosed as ended:
            close = ended.rcvd
            if close:
                code, reason = close.code, close.reason
        except (OSError, websockets.WebSocketException, asyncio.TimeoutError) as error:
            reason = str(error)
            answer = getattr(error, "response", error)
            status = getattr(answer, "status_code", None)
            headers = getattr(answer, "headers", None)
            retry_after = headers.get("Retry-After") if headers else None
        finally:
            if sender:
                sender.cancel()
        if self._events:
            self._events.closed(code, reason, status, retry_after)

    async def _send_all(self):
        while (text := await self._sending.get()) is not None:
            await self._socket.send(text)


class World:
    now = staticmethod(time.time)  # counts while the machine sleeps
    random = staticmethod(random.random)

    @staticmethod
    def call_later(wait, call):
        return asyncio.get_running_loop().call_later(wait, call)

    @staticmethod
    def open(url, headers, events):
        return Link(url, headers, events)
