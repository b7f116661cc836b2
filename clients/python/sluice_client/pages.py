# SPDX-License-Identifier: MIT
"""Which pages are wanted, what the server said of each, and the events that wait until they are loaded."""
import asyncio
import inspect
import json
import re

from . import backoff

WHOLE = re.compile(r"-?(0|[1-9][0-9]*)\Z")
HELD_EVENTS = 1000
HELD_BYTES = 5 << 20


class Refused(Exception):
    """A page that is not there: refused, no_answer, discarded, unsubscribed, disposed, ..."""


def _norm(value):
    """7, 7.0 and "7" are one value, "07" is another."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) and WHOLE.match(value) else json.dumps(value, sort_keys=True)


def key_of(page, parameters):
    return page, tuple(sorted((name, _norm(value)) for name, value in parameters.items() if value is not None))


class Page:
    """One subscription. `async with page:` waits until it is ready and leaves it at the end."""

    def __init__(self, pages, page, parameters, load, holds, on_state):
        self.page, self.parameters = page, parameters
        self.state, self.error = "idle", None
        self._pages, self._load, self.holds, self._on_state = pages, load, holds, on_state
        self._loaded = False
        self._task = None
        self._timer = None
        self._waiting = []

    async def ready(self):
        """Returns when the page is confirmed and loaded, however many connections it takes. Raises Refused, or what
        `load` raised."""
        if self.state == "live":
            return
        if self.error:
            raise self.error
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    def reload(self):
        """Runs `load` again."""
        if self.state in ("live", "loading") or (self.state == "stale" and self.error):
            self.begin("reload")

    def unsubscribe(self):
        self._pages.remove(self)

    async def __aenter__(self):
        await self.ready()
        return self

    async def __aexit__(self, *_):
        self.unsubscribe()

    # --- What Pages does with it

    def enter(self, state, error=None):
        if state != "loading":
            self._stop()
        if (state, error) == (self.state, self.error):
            return
        self.state, self.error = state, error
        if error or state == "live":
            waiting, self._waiting = self._waiting, []
            for one in waiting:
                if one.done():
                    continue
                if error:
                    one.set_exception(error)
                else:
                    one.set_result(None)
        if self._on_state:
            self._pages.guard(self._on_state, state, error)
        self._pages.changed(self)

    def confirm(self):
        if self.state not in ("loading", "live"):
            self.begin("reconnect" if self._loaded else "first")

    def begin(self, why):
        self._stop()
        if not self._load:
            return self._done()
        self._task = asyncio.ensure_future(self._run(why))
        self.enter("loading")

    def later(self, wait, why):
        self.enter("stale")
        self._timer = self._pages.world.call_later(wait, lambda: self.begin(why))

    def missed(self):
        if self._load:
            self.begin("missed")

    def lost(self):
        self.enter("stale" if self._loaded or self.state == "loading" else "idle")

    def end(self, state, why):
        self.enter(state, Refused(why))

    def _stop(self):
        if self._timer:
            self._timer.cancel()
        task, self._task, self._timer = self._task, None, None
        if task:
            task.cancel()

    async def _run(self, why):
        mine = asyncio.current_task()
        try:
            done = self._load(why)
            if inspect.isawaitable(done):
                await done
        except Exception as error:  # pylint: disable=broad-except
            if self._task is mine:
                self._task = None
                self._pages.report(error)
                self.enter("stale", error)
            return
        if self._task is mine:
            self._done()

    def _done(self):
        self._task = None
        self._loaded = True
        self.enter("live")


class _Entry:
    def __init__(self, page, parameters):
        self.page, self.parameters = page, parameters
        self.at = "idle"  # asking, added, silent: it was asked for, and no answer came
        self.subscribers = []
        self.timer = None

    def stop_timer(self):
        if self.timer:
            self.timer.cancel()
        self.timer = None


class Pages:
    def __init__(self, world, send, deliver, report, held_events=HELD_EVENTS):
        self.world, self._send, self._deliver, self.report = world, send, deliver, report
        self._entries = {}
        self._loading = set()
        self._held, self._held_bytes, self._held_events = [], 0, held_events
        self._open = self._live = False
        self._answers = {"page_add": self._added, "page_discard": self._discarded, "page_error": self._refused,
                         "updates_missed": self._missed}

    def guard(self, call, *args):
        try:
            call(*args)
        except Exception as error:  # pylint: disable=broad-except
            self.report(error)

    # --- The application

    def subscribe(self, page, parameters, load, holds, on_state):
        one = Page(self, page or "", dict(parameters or {}), load, holds, on_state)
        if not page:
            one.end("removed", "unsubscribed")
            return one
        entry = self._entries.setdefault(key_of(page, one.parameters), _Entry(page, one.parameters))
        entry.subscribers.append(one)
        entry.stop_timer()
        if entry.at == "asking":
            one.enter("asking")
            self._expect(entry)
        elif entry.at == "added":
            one.confirm()
        elif self._open:
            self._ask([entry])
        return one

    def remove(self, one):
        key = key_of(one.page, one.parameters)
        entry = self._entries.get(key)
        if not entry or one not in entry.subscribers:
            return
        entry.subscribers.remove(one)
        one.end("removed", "unsubscribed")
        if entry.subscribers:
            return
        entry.stop_timer()
        if not self._open:
            del self._entries[key]
            return

        def left():
            del self._entries[key]
            self._send({**entry.parameters, "remove_page": entry.page})

        entry.timer = self.world.call_later(backoff.LINGER, left)

    def unsubscribe(self, page, parameters):
        entry = self._entries.get(key_of(page or "", parameters or {}))
        if entry and entry.subscribers:
            entry.subscribers[-1].unsubscribe()

    def list(self):
        return [{"page": entry.page, "parameters": entry.parameters} for entry in self._entries.values() if entry.subscribers]

    # --- The connection

    def opened(self):
        self._open = True
        self._ask(list(self._entries.values()))

    def live(self):
        """From now on an answer is due."""
        self._live = True
        for entry in self._entries.values():
            if entry.at == "asking":
                self._expect(entry)

    def lost(self):
        self._open = self._live = False
        for key, entry in list(self._entries.items()):
            entry.stop_timer()
            if not entry.subscribers:
                del self._entries[key]
            if entry.at != "silent":
                entry.at = "idle"
                self._each(entry, "lost")

    def clear(self):
        for entry in list(self._entries.values()):
            self._drop(entry, "removed", "disposed")

    # --- Messages

    def take(self, message, text):
        answer = self._answers.get(message["type"])
        if answer:
            answer(message)
        if answer or not self._holds(message["type"]):
            return self._deliver(message, text)
        self._held.append((message, text))
        self._held_bytes += len(text)
        if len(self._held) > self._held_events or self._held_bytes > HELD_BYTES:
            self.report(OverflowError("too many events during a load: it begins anew"))
            # The events are delivered all the same: other pages are live, and theirs are among them.
            for one in list(self._loading):
                one.later(2 * self.world.random(), "overflow")

    def changed(self, one):
        if one.state == "loading":
            self._loading.add(one)
        elif one in self._loading:
            self._loading.discard(one)
            self._release()

    def _holds(self, kind):
        return any(one.holds is None or kind in one.holds for one in self._loading)

    def _release(self):
        held, self._held, self._held_bytes = self._held, [], 0
        for message, text in held:
            if self._holds(message["type"]):
                self._held.append((message, text))
                self._held_bytes += len(text)
            else:
                self._deliver(message, text)

    @staticmethod
    def _each(entry, verb, *args):
        for one in list(entry.subscribers):
            getattr(one, verb)(*args)

    def _expect(self, entry):
        if not self._live or not entry.subscribers:
            return
        entry.stop_timer()

        def silent():
            entry.at = "silent"
            self._each(entry, "enter", "refused", Refused("no_answer"))

        entry.timer = self.world.call_later(backoff.ANSWER, silent)

    def _ask(self, entries):
        for entry in entries:
            entry.at = "asking"
            self._send({**entry.parameters, "page": entry.page})
        for entry in entries:
            self._expect(entry)
            self._each(entry, "enter", "asking")

    def _meant(self, answer, asked=False):
        """The entries that an answer is about: each parameter in it is as it was sent, or null where it was not."""
        sent = answer.get("parameters") or {}
        exact = self._entries.get(key_of(answer.get("page"), sent))
        if asked and exact and exact.at == "asking":
            return [exact]
        return [entry for entry in self._entries.values() if entry.page == answer.get("page") and
                all(_norm(value) == _norm(entry.parameters.get(name)) for name, value in sent.items())]

    def _drop(self, entry, state, why):
        entry.stop_timer()
        del self._entries[key_of(entry.page, entry.parameters)]
        self._each(entry, "end", state, why)

    def _added(self, message):
        for entry in self._meant(message, True):
            if entry.subscribers:
                entry.stop_timer()
            entry.at = "added"
            self._each(entry, "confirm")

    def _discarded(self, message):
        for entry in self._meant(message):
            if entry.at == "added":  # else it answers an earlier removal
                self._drop(entry, "discarded", "discarded")

    def _refused(self, message):
        for entry in self._meant(message, True):
            self._drop(entry, "refused", message.get("error"))

    def _missed(self, message):
        pages = message.get("pages")
        entries = [entry for page in pages for entry in self._meant(page)] if pages else list(self._entries.values())
        for entry in entries:
            if entry.at == "added":
                self._each(entry, "missed")
