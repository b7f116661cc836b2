# SPDX-License-Identifier: MIT
"""A live Django process: Channels with channels_redis, told what to do line by line.

    django_peer.py core redis://127.0.0.1:7000/0 [{"CONFIG key": ...}]

A line in is a list, a word and its arguments; a line out is {"ok": ...} or {"error": "its class"}. Consumers run as they
do behind a server: as ASGI applications.
"""
import asyncio
import json
import sys

import django
from django.conf import settings

BACKENDS = {
    "core": "channels_redis.core.RedisChannelLayer",
    "pubsub": "channels_redis.pubsub.RedisPubSubChannelLayer",
}
kind, urls = sys.argv[1:3]
config = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
settings.configure(CHANNEL_LAYERS={
    "default": {"BACKEND": BACKENDS[kind], "CONFIG": {"hosts": urls.split(","), **config}},
})
django.setup()

from asgiref.testing import ApplicationCommunicator  # noqa: E402
from channels.generic.websocket import AsyncJsonWebsocketConsumer  # noqa: E402
from channels.layers import get_channel_layer  # noqa: E402


class Chat(AsyncJsonWebsocketConsumer):
    """Tells its client what its groups are told."""

    names = []  # of those that have connected and were not asked for yet

    async def connect(self):
        self.names.append(self.channel_name)
        await self.accept()

    async def number(self, event):
        await self.send_json({"n": event["n"]})

    async def broadcast_to_group(self, event):
        await self.send_json(event)

    broadcast_to_users = broadcast_to_users_individual_payloads = broadcast_to_group
    users_removed_from_permission_group = force_disconnect_users = broadcast_to_group


class Peer:
    def __init__(self):
        self.layer = get_channel_layer()
        self.chats = {}

    async def connect(self, name, *groups):
        chat = ApplicationCommunicator(Chat.as_asgi(), {"type": "websocket", "path": "/", "headers": []})
        await chat.send_input({"type": "websocket.connect"})
        await chat.receive_output(20)
        consumer = Chat.names.pop()
        for group in groups:
            await self.layer.group_add(group, consumer)
        self.chats[name] = (chat, consumer, set(groups))
        return consumer

    async def join(self, name, group):
        await self.layer.group_add(group, self.chats[name][1])
        self.chats[name][2].add(group)

    async def leave(self, name, group):
        await self.layer.group_discard(group, self.chats[name][1])
        self.chats[name][2].discard(group)

    async def hear(self, name, seconds=20):
        message = await self.chats[name][0].receive_output(seconds)
        return json.loads(message["text"]) if message["type"] == "websocket.send" else message

    async def silent(self, name, seconds=0.5):
        return await self.chats[name][0].receive_nothing(timeout=seconds)

    async def disconnect(self, name):
        chat, consumer, groups = self.chats.pop(name)
        for group in groups:
            await self.layer.group_discard(group, consumer)
        await chat.send_input({"type": "websocket.disconnect", "code": 1000})
        await chat.wait(20)
        return consumer

    async def add(self, group, channel):
        await self.layer.group_add(group, channel)

    async def group_send(self, group, event):
        await self.layer.group_send(group, event)

    async def send(self, channel, event):
        await self.layer.send(channel, event)

    async def flood(self, channel, count):
        """How many sends of `count` were taken."""
        taken = 0
        for number in range(count):
            try:
                await self.layer.send(channel, {"type": "number", "n": number})
                taken += 1
            except Exception as error:  # noqa: BLE001
                if type(error).__name__ != "ChannelFull":
                    raise
        return taken

    async def group_flood(self, group, first, count):
        for number in range(first, first + count):
            await self.layer.group_send(group, {"type": "number", "n": number})

    async def receive(self, channel, seconds=20):
        return await asyncio.wait_for(self.layer.receive(channel), seconds)


async def main():
    peer = Peer()
    reader = asyncio.StreamReader(limit=2**26)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(json.dumps({"ok": "ready"}), flush=True)
    while line := await reader.readline():
        word, *arguments = json.loads(line)
        try:
            answer = {"ok": await getattr(peer, word)(*arguments)}
        except BaseException as error:  # noqa: BLE001
            answer = {"error": type(error).__name__, "why": str(error)}
        print(json.dumps(answer), flush=True)


asyncio.run(main())
