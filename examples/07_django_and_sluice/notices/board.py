# SPDX-License-Identifier: MIT
"""What a view, a command or a background task calls to tell all browsers something."""
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer


def tell_everybody(text):
    async_to_sync(get_channel_layer().group_send)("notices", {
        "type": "broadcast_to_group",
        "payload": {"type": "notice", "text": text},
        "ignore_web_socket_id": None,
    })
