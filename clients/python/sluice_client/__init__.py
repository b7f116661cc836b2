# SPDX-License-Identifier: MIT
"""Real-time pages over one WebSocket, for scripts and tests: connects, comes back, and loads again what was missed."""
from .pages import Page, Refused
from .realtime import EventsLost, Realtime

__all__ = ["EventsLost", "Page", "Realtime", "Refused"]
