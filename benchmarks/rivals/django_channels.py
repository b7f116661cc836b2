# SPDX-License-Identifier: MIT
"""A rival on Django Channels, an application for uvicorn: uvicorn django_channels:application

LAYER is memory, redis or pubsub (Channels' own layers), REDIS_PORT where Redis listens. With BROADCAST_TO_GROUP what is
said at /pub becomes the event that Baserow sends its consumers, and Sluice's hear; without, a plain text.
"""
import json
import os

import django
from django.conf import settings

redis = f"redis://127.0.0.1:{os.environ.get('REDIS_PORT', '6379')}"
layers = {
    "memory": {"BACKEND": "channels.layers.InMemoryChannelLayer"},
    "redis": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [redis]}},
    "pubsub": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [redis]}},
}
settings.configure(DEBUG=False, SECRET_KEY="bench", ALLOWED_HOSTS=["*"], INSTALLED_APPS=["channels"],
                   CHANNEL_LAYERS={"default": layers[os.environ.get("LAYER", "memory")]}, LOGGING_CONFIG=None)
django.setup()

# Channels reads the settings when it is imported.
from channels.generic.websocket import AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402


class Subscriber(AsyncJsonWebsocketConsumer):
    groups = ["bench"]

    async def said(self, event):
        await self.send(text_data=event["text"])

    async def broadcast_to_group(self, event):
        if event["ignore_web_socket_id"] != self.channel_name and not event["exclude_user_ids"]:
            await self.send_json(event["payload"])


def event_of(text):
    if "BROADCAST_TO_GROUP" not in os.environ:
        return {"type": "said", "text": text}
    return {"type": "broadcast_to_group", "payload": json.loads(text), "ignore_web_socket_id": None,
            "exclude_user_ids": None}


class Publisher(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.channel_layer.group_send("bench", event_of(text_data))


class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data=text_data)


application = ProtocolTypeRouter({"websocket": URLRouter([
    path("sub", Subscriber.as_asgi()), path("pub", Publisher.as_asgi()), path("echo", Echo.as_asgi())])})
