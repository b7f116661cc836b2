# SPDX-License-Identifier: MIT
"""The client: the machine on real sockets and timers, pages, and handlers."""
import asyncio
import inspect
import json
import logging
from urllib.parse import quote, urlsplit, urlunsplit

from . import backoff
from .machine import State, step
from .pages import Pages
from .world import World

ACCEPTS = ("ping", "page_error", "gaps", "revoked")
NAMES = {"token": "connecting", "probing": "live"}
MOST_ITERATED = 1000
log = logging.getLogger("sluice_client")


class EventsLost(Exception):
    """The loop over events() was too slow."""


def address(url, token, accepts):
    """ws or wss, the token first in the query, percent-encoded."""
    scheme, host, path, query, _ = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(scheme, scheme)
    query = "&".join(filter(None, [token and "jwt_token=" + quote(token, safe=""), query,
                                   accepts and "accepts=" + ",".join(accepts)]))
    return urlunsplit((scheme, host, path, query, ""))


def retry_after_of(header, random):
    """Seconds from Retry-After, up to a tenth longer; None for a date or nothing."""
    if header is None or not header.strip().isdigit():
        return None
    return min(int(header) * (1 + random / 10), backoff.GIVEN_CAP)


class _Turn:
    """What comes from one socket."""

    def __init__(self, realtime, turn):
        self._realtime, self._turn = realtime, turn

    def opened(self):
        self._realtime._step("opened", turn=self._turn)

    def message(self, text):
        self._realtime._hear(text, self._turn)

    def closed(self, code, reason="", status=None, retry_after=None):
        world, classify = self._realtime._world, self._realtime._classify
        verdict = (classify and classify(code, reason)) or backoff.verdict(code)
        after = backoff.retry_after(reason, world.random())
        if status in (401, 403):  # a browser does not see it; here the token is known to be the reason
            verdict = "token"
        elif status is not None and after is None:
            after = retry_after_of(retry_after, world.random())
        self._realtime._step("closed", turn=self._turn, verdict=verdict, after=after)


class Realtime:
    """One connection and its pages, for use on one event loop.

        async with Realtime("ws://127.0.0.1:8000/ws/core/", token=get_token) as realtime:
            async with realtime.subscribe("table", {"table_id": 7}, load=load_table):
                async for event in realtime.events("rows_updated"):
                    ...

    `token` is a text or a function of the token that was rejected (or None), plain or async, asked at each attempt;
    None stops the client, what it raises is retried. Without it none is sent.
    """

    def __init__(self, url, *, token="", anonymous=False, accepts=ACCEPTS, headers=None, context=None, on_error=None,
                 classify=None, held_events=1000, world=None):
        self._url, self._token, self._anonymous, self._accepts = url, token, anonymous, accepts
        self._request_headers, self._context, self._on_error, self._classify = headers or {}, context, on_error, classify
        self._world = world or World()
        self._state = State()
        self._status = ("idle", None, None)
        self._handlers, self._listeners, self._ends = {}, [], set()
        self._everything = []
        self._link = self._asking = self._id = None
        self._timers = {}
        self._pages = Pages(self._world, self._send, self._deliver, self._report, held_events)

    # --- Coming and going

    def connect(self, reconnect=True, anonymous=None):
        self._step("connect", reconnect=reconnect, anonymous=self._anonymous if anonymous is None else anonymous)

    def disconnect(self):
        """At once; pages stay on the list."""
        self._step("disconnect")

    def dispose(self):
        self.disconnect()
        self._pages.clear()
        self._handlers.clear()
        self._everything.clear()
        self._listeners.clear()
        for end in list(self._ends):
            end()

    async def __aenter__(self):
        self.connect()
        return self

    async def __aexit__(self, *_):
        self.dispose()

    @property
    def status(self):
        """idle, connecting, live, waiting or stopped."""
        return self._status[0]

    @property
    def why(self):
        """Why it stopped: token_rejected, signed_out, closed."""
        return self._status[1]

    @property
    def connected(self):
        return self.status == "live"

    @property
    def attempts(self):
        return self._state.waits

    @property
    def web_socket_id(self):
        return self._id if self.connected else None

    @property
    def headers(self):
        """For requests that change something, so that the server does not tell this connection of it."""
        return {"WebSocketId": self.web_socket_id} if self.web_socket_id else {}

    # --- Pages and events

    @property
    def pages(self):
        return self._pages.list()

    def subscribe(self, page, parameters=None, *, load=None, holds=None, on_state=None):
        """`load(why)`, plain or async, runs when the page is confirmed, and again after every gap; events wait
        meanwhile, all or those whose types `holds` names."""
        return self._pages.subscribe(page, parameters, load, holds, on_state)

    def unsubscribe(self, page, parameters=None):
        self._pages.unsubscribe(page, parameters)

    def on(self, kind, handler):
        """Returns the undo."""
        return self._listen(self._handlers.setdefault(kind, []), handler)

    def register_event(self, kind, handler):
        """As Baserow's: the handler is given the context first."""
        return self.on(kind, lambda message: handler(self._context, message))

    def on_message(self, handler):
        """Every message and its text; None and the text of what is no JSON."""
        return self._listen(self._everything, handler)

    def on_status(self, handler):
        return self._listen(self._listeners, handler)

    def events(self, kind):
        """An async iterator. It listens from the call on, keeps up to 1,000 events, and raises where it lost one."""
        queue, wake, over = [], asyncio.Event(), []

        def heard(message):
            if len(queue) < MOST_ITERATED:
                queue.append(message)
                wake.set()
            else:
                end(EventsLost(f"{kind}: the loop is too slow, events were lost"))

        def end(error=None):
            undo()
            self._ends.discard(end)
            over.append(error)
            wake.set()

        async def run():
            try:
                while True:
                    while queue:
                        yield queue.pop(0)
                    if over:
                        if over[0]:
                            raise over[0]
                        return
                    wake.clear()
                    await wake.wait()
            finally:
                end()

        undo = self.on(kind, heard)
        self._ends.add(end)
        return run()

    # --- The machine, on real things

    def _step(self, event, **details):
        before = self._state
        self._state, effects = step(before, event, self._world.now(), self._world.random(), **details)
        for name in ("clock", "stable"):
            due = getattr(self._state, name)
            if due == getattr(before, name) and (due is None or name in self._timers):
                continue
            timer = self._timers.pop(name, None)
            if timer:
                timer.cancel()
            if due is not None:
                self._timers[name] = self._world.call_later(max(0.0, due - self._world.now()), lambda name=name: self._fire(name))
        turn = self._state.turn
        for effect, value in effects:
            if effect == "drop" or turn == self._state.turn:  # a handler may have left this turn behind
                getattr(self, "_do_" + effect)(value)
        status = (NAMES.get(self._state.at, self._state.at), self._state.why,
                  self._state.clock if self._state.at == "waiting" else None)
        if status == self._status:
            return
        came = status[0] == "live" != self._status[0]
        self._status = status
        if came:
            self._pages.live()
        self._call(self._listeners, self)

    def _fire(self, name):
        self._timers.pop(name, None)
        self._step(name)

    def _do_token(self, rejected):
        self._asking = asyncio.ensure_future(self._ask(rejected, self._state.turn))

    async def _ask(self, rejected, turn):
        try:
            token = self._token(rejected) if callable(self._token) else self._token
            if inspect.isawaitable(token):
                token = await token
        except Exception as error:  # pylint: disable=broad-except
            self._report(error)
            return self._step("closed", turn=turn)
        self._asking = None
        self._step("token", turn=turn, token=token)

    def _do_open(self, token):
        url = address(self._url, token, self._accepts)
        self._link = self._world.open(url, self._request_headers, _Turn(self, self._state.turn))

    def _do_opened(self, _):
        self._pages.opened()

    def _do_ping(self, _):
        self._send({"type": "ping"})

    def _do_drop(self, code):
        asking, self._asking = self._asking, None
        if asking and asking is not asyncio.current_task():
            asking.cancel()
        link, self._link = self._link, None
        if link:
            link.close(code)
            self._pages.lost()

    def _send(self, frame):
        if self._link:
            self._link.send(json.dumps(frame, ensure_ascii=False, separators=(",", ":")))

    def _hear(self, text, turn):
        if turn != self._state.turn:
            return
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "force_disconnect":
            self._deliver(message, text)  # first, so that the application can forget its token
            return self._step(kind, turn=turn)
        if kind == "authentication":
            heartbeat = message.get("heartbeat")
            if message.get("success"):
                self._id = message.get("web_socket_id")
            self._step(kind, turn=turn, success=bool(message.get("success")),
                       heartbeat=min(float(heartbeat), 3600.0) if isinstance(heartbeat, (int, float)) and heartbeat > 0 else 0.0)
        else:
            self._step("message", turn=turn)
        if isinstance(kind, str):
            self._pages.take(message, text)
        else:
            self._call(self._everything, message, text)

    def _deliver(self, message, text):
        self._call(self._everything, message, text)
        self._call(self._handlers.get(message["type"], []), message)

    # --- Handlers

    @staticmethod
    def _listen(listed, handler):
        entry = (handler,)
        listed.append(entry)

        def undo():
            for index, one in enumerate(listed):
                if one is entry:
                    del listed[index]
                    return

        return undo

    def _call(self, listed, *args):
        for entry in list(listed):
            if any(one is entry for one in listed):
                self._pages.guard(entry[0], *args)

    def _report(self, error):
        if self._on_error:
            self._on_error(error)
        else:
            log.error("a handler, load or token failed", exc_info=error)
