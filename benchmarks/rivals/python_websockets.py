# SPDX-License-Identifier: MIT
"""A rival on Python's websockets and uvloop: its own broadcast() over a set. usage: python_websockets.py PORT"""
import asyncio
import sys

import uvloop
import websockets

subscribers = set()


async def serve(socket):
    path = socket.request.path if hasattr(socket, "request") else socket.path  # newer and older versions
    if path.startswith("/echo"):
        async for message in socket:
            await socket.send(message)
    elif path.startswith("/pub"):
        async for message in socket:
            websockets.broadcast(subscribers, message)
    else:
        subscribers.add(socket)
        try:
            await socket.wait_closed()
        finally:
            subscribers.discard(socket)


async def main():
    async with websockets.serve(serve, "127.0.0.1", int(sys.argv[1]), compression=None, ping_interval=None,
                                backlog=4096):
        await asyncio.Future()


uvloop.install()
asyncio.run(main())
