# SPDX-License-Identifier: MIT
# Starts no program of the build.
"""The scenarios of clients/scenarios, played to the Python client, whose clock and server are the file. Files about a
browser's wake-ups are left out: there are none here."""
import asyncio
import itertools
import json
import re
import sys
import unittest
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "clients" / "python"))

from sluice_client import Realtime  # noqa: E402

SCENARIOS = sorted((ROOT / "clients" / "scenarios").glob("*.json"))


class Timer:
    def __init__(self, timers, due, call):
        self.timers, self.due, self.call = timers, due, call
        timers.append(self)

    def cancel(self):
        if self in self.timers:
            self.timers.remove(self)


class FakeLink:
    def __init__(self, done, url, events):
        self.done, self.events, self.ended = done, events, False
        done["client"].append({"opens": url})

    def send(self, text):
        if not self.ended:
            self.done["client"].append({"says": json.loads(text)})

    def close(self, code):
        if not self.ended:
            self.done["client"].append({"closes": code})
        self.ended = True


class World:
    """Seconds as the client counts them; the clock is kept in whole microseconds, so that sums are exact."""

    def __init__(self, randoms, done):
        self.micros, self.timers, self.links, self.done = 1_000_000_000_000_000, [], [], done
        self._randoms = itertools.cycle(randoms)

    def now(self):
        return self.micros / 1e6

    def random(self):
        return next(self._randoms)

    def call_later(self, wait, call):
        return Timer(self.timers, self.micros + round(wait * 1e6), call)

    def open(self, url, headers, events):
        self.links.append(FakeLink(self.done, url, events))
        return self.links[-1]

    @staticmethod
    async def settle():
        for _ in range(10):
            await asyncio.sleep(0)

    async def advance(self, milliseconds):
        end = self.micros + milliseconds * 1000
        while True:
            await self.settle()
            timer = min(self.timers, key=lambda one: one.due, default=None)
            if timer is None or timer.due > end:
                break
            timer.cancel()
            self.micros = max(self.micros, timer.due)
            timer.call()
        self.micros = end
        await self.settle()


class Player:
    def __init__(self, test, scenario):
        self.test = test
        self.done = {name: [] for name in ("client", "load", "token", "handler", "everything", "errors", "aborted")}
        self.world = World(scenario.get("random", [0.5]), self.done)
        options = scenario["options"]
        token = self.asked if options.get("token") == "asked" else options.get("token")
        self.realtime = Realtime("wss://example.org/ws/core/", token=token, context=options.get("context"), world=self.world,
                                 held_events=options.get("limits", {}).get("heldEvents", 1000), on_error=self.done["errors"].append)
        self.pages, self.loads, self.tokens = {}, {}, []
        for handler in scenario.get("handlers", []):
            self.handle(handler)
        self.watching = any("everything" in step for step in scenario["steps"])
        if self.watching:
            self.realtime.on_message(self.heard_anything)

    def heard_anything(self, message, text):
        if not (isinstance(message, dict) and message.get("type") == "authentication"):
            self.done["everything"].append([message, text])

    def handle(self, handler):
        throws, kind, context = re.fullmatch(r"(throws )?(\S+)( with context)?", handler).groups()
        if throws:
            self.realtime.on(kind, lambda message: 1 / 0)
        elif context:
            self.realtime.register_event(kind, lambda given, message: self.done["handler"].append({**message, "context": given}))
        else:
            self.realtime.on(kind, self.done["handler"].append)

    async def asked(self, rejected):
        self.done["token"].append({"rejected": rejected})
        waiting = asyncio.get_running_loop().create_future()
        self.tokens.append(waiting)
        try:
            return await waiting
        except asyncio.CancelledError:
            self.done["aborted"].append("token")
            raise

    async def loading(self, name, why):
        self.done["load"].append({"of": name, "why": why})
        waiting = self.loads[name] = asyncio.get_running_loop().create_future()
        try:
            await waiting
        except asyncio.CancelledError:
            self.done["aborted"].append(name)
            raise

    def nothing_else(self):
        for kind, done in self.done.items():
            if kind not in ("everything", "aborted"):
                self.test.assertEqual(done, [], kind)

    def bound(self, value):
        if isinstance(value, list):
            return [self.bound(one) for one in value]
        if isinstance(value, dict):
            return {key: self.bound(one) for key, one in value.items()}
        return "bound-" + value[1:] if isinstance(value, str) and value.startswith("$") else value

    async def step(self, step):
        kind, value = next(iter(step.items()))
        if kind in ("user", "server", "time"):
            self.nothing_else()
        done = getattr(self, "do_" + kind)(self.bound(value))
        if done is not None:
            await done
        await self.world.settle()

    def do_user(self, calls):
        verb, given = next(iter(calls.items()))
        if verb == "subscribe":
            given = given[0] if isinstance(given, list) else given
            name = given["as"]
            load = (lambda why: self.loading(name, why)) if given.get("load") else None
            self.pages[name] = self.realtime.subscribe(given["page"], given["parameters"], load=load, holds=given.get("holds"))
        elif verb == "unsubscribe":
            given = given[0] if isinstance(given, list) else given
            if isinstance(given, str):
                self.pages[given].unsubscribe()
            else:
                self.realtime.unsubscribe(given["page"], given.get("parameters"))
        elif verb == "reload":
            self.pages[given].reload()
        elif verb == "tick":
            for call in given:
                getattr(self.realtime, call)()
        else:
            getattr(self.realtime, verb)(*given)

    def do_server(self, does):
        link = self.world.links[-1]
        if does == "accepts":
            link.events.opened()
        elif "says" in does:
            link.events.message(json.dumps(does["says"]))
        elif "says_text" in does:
            link.events.message(does["says_text"])
        elif not link.ended:
            link.ended = True
            link.events.closed(does.get("closes", does.get("cuts")), does.get("reason", ""))

    def do_time(self, milliseconds):
        return self.world.advance(milliseconds)

    def next(self, kind, value):
        if value == "silent":
            self.test.assertEqual(self.done[kind], [])
            return None
        self.test.assertTrue(self.done[kind], f"no {kind}; expected {value}")
        return self.done[kind].pop(0)

    def do_client(self, value):
        came = self.next("client", value)
        if value == "silent":
            return
        if "opens" not in value:
            self.test.assertEqual(came, value)
            return
        url = urlsplit(came["opens"])
        wanted = value["opens"]
        self.test.assertEqual(url.path, wanted.get("path", url.path))
        for name, text in wanted.get("query", {}).items():
            self.test.assertEqual(parse_qs(url.query).get(name), [text])
        if "first" in wanted:
            self.test.assertEqual(parse_qsl(url.query)[0][0], wanted["first"])

    def do_token(self, value):
        if value == "silent" or "rejected" in value:
            came = self.next("token", value)
            if value == "silent":
                return
            self.test.assertEqual(came["rejected"], value["rejected"])
        if "gives" in value:
            self.tokens.pop().set_result(value["gives"])
        if value.get("throws"):
            self.tokens.pop().set_exception(RuntimeError("no token"))

    def do_load(self, value):
        if value == "silent" or "why" in value:
            came = self.next("load", value)
            if value == "silent":
                return
            self.test.assertEqual(came, {"of": value["of"], "why": value["why"]})
        if value.get("ends") == "ok":
            self.loads[value["of"]].set_result(None)
        if value.get("ends") == "throws":
            self.loads[value["of"]].set_exception(RuntimeError("load failed"))

    def do_handler(self, value):
        came = self.next("handler", value)
        if value != "silent":
            self.test.assertEqual(came, value)

    def do_everything(self, value):
        message, text = self.done["everything"].pop(0)
        self.test.assertEqual([message, text if value[1] else None], value)

    def do_errors(self, count):
        self.test.assertEqual(len(self.done["errors"]), count)
        self.done["errors"].clear()

    def do_aborted(self, count):
        self.test.assertEqual(len(self.done["aborted"]), count)
        self.done["aborted"].clear()

    async def do_is(self, values):
        for name, value in values.items():
            if name == "ready":
                for page, how in value.items():
                    self.test.assertEqual(await self.how_ready(page), how, page)
            elif name in self.pages:
                self.test.assertEqual(self.pages[name].state, value, name)
            else:
                self.test.assertEqual(getattr(self.realtime, {"webSocketId": "web_socket_id"}.get(name, name)), value, name)

    async def how_ready(self, page):
        waiting = asyncio.ensure_future(self.pages[page].ready())
        await self.world.settle()
        if not waiting.done():
            waiting.cancel()
            return "pending"
        return str(waiting.exception()) if waiting.exception() else "ok"


async def play(test, scenario):
    player = Player(test, scenario)
    for number, step in enumerate(scenario["steps"], 1):
        with test.subTest(scenario["name"], step=f"{number}: {json.dumps(step)}"):
            await player.step(step)
    player.nothing_else()
    player.realtime.dispose()
    await player.world.settle()
    test.assertEqual(player.world.timers, [])


class Scenarios(unittest.TestCase):
    def test_each(self):
        played, left_out = 0, []
        for path in SCENARIOS:
            scenario = json.loads(path.read_text())
            if any("wake" in step for step in scenario["steps"]):
                left_out.append(path.stem)
                continue
            played += 1
            asyncio.run(play(self, scenario))
        print(f"played {played} scenarios; left out, for they wake a browser: {', '.join(left_out)}")
        self.assertGreater(played, 50)


if __name__ == "__main__":
    unittest.main(argv=["python_scenarios"])
