# SPDX-License-Identifier: MIT
"""Through Redis: Django publishes, and sockets of Sluice, or of Channels, hear it."""
import json
import os
import re
import resource
import subprocess
import sys
from dataclasses import dataclass

from compare.figures import Figures, microseconds, milliseconds, table, times, whole
from compare.servers import Running, Server, free_port, uvicorn

SOCKETS = (1, 100, 10_000)  # of each process
BURST = 16                  # broadcasts in flight
PACE = 10                   # broadcasts a second, where Redis alone is looked at
WORK = 60_000               # deliveries for a server of pace 1
WARM_UP = 16
FLOOR = "floor, pub/sub"
# Of Redis' commands, those of a connection or a membership, not of a broadcast.
OTHER_COMMANDS = {"auth", "client", "config", "del", "expire", "hello", "info", "ping", "psubscribe", "select",
                  "subscribe", "unsubscribe", "zadd", "zrem"}


@dataclass(frozen=True)
class Load:
    sockets: int  # of each process
    window: int = 1
    rate: int = 0

    @property
    def name(self):
        named = "1 socket" if self.sockets == 1 else f"{self.sockets:,} sockets"
        return named + (f", {self.window} in flight" if self.window > 1 else "") + \
            (f", {self.rate} a second" if self.rate else "")

    def is_for(self, side, round):
        if self.rate:
            return side.processes == 1 and side.rival is not None
        if self.window > 1 and (side.processes > 1 or side.name == FLOOR):
            return False
        return side.rival is not None or self.sockets < 5_000 or round == 0  # Channels takes minutes


SINGLY = [Load(sockets) for sockets in SOCKETS]
IN_BURSTS = [Load(sockets, window=BURST) for sockets in SOCKETS]
PACED = [Load(sockets, rate=PACE) for sockets in SOCKETS]


class Side:
    """Who holds the sockets, on which layer, in how many processes."""

    def __init__(self, name, server, layer, processes=1, rival=None):
        self.name, self.server, self.layer, self.processes, self.rival = name, server, layer, processes, rival


def sides(programs):
    def sluice(option):
        return Server("sluice", [str(programs / "server"), "--port", "{port}", "--threads", "1", option, "{redis}"])

    def channels(layer):
        return uvicorn("channels", layer, redis=False)

    core, pubsub = "Channels, core", "Channels, pub/sub"
    floor = Server(FLOOR, [str(programs / "floor"), "{port}", "redis", "{redis_port}"])
    return [Side(FLOOR, floor, "pubsub", rival=pubsub),
            Side(core, channels("redis"), "redis"), Side(pubsub, channels("pubsub"), "pubsub"),
            Side("Sluice, core", sluice("--redis"), "redis", rival=core),
            Side("Sluice, core, 2 processes", sluice("--redis"), "redis", 2, rival=core),
            Side("Sluice, pub/sub", sluice("--redis-pubsub"), "pubsub", rival=pubsub),
            Side("Sluice, pub/sub, 2 processes", sluice("--redis-pubsub"), "pubsub", 2, rival=pubsub)]


class Peers(Running):
    """A Redis, a Django that publishes, and the processes that hold sockets: started in this order, ended on leaving."""

    def __init__(self, side):
        super().__init__(side.server)
        self.side = side
        self.redis_port, self.publish_port = free_port(), free_port()
        self.ports = [free_port() for _ in range(side.processes)]

    def __enter__(self):
        environment = dict(os.environ, REDIS_PORT=str(self.redis_port), LAYER=self.side.layer, BROADCAST_TO_GROUP="yes")
        self._start(["redis-server", "--port", str(self.redis_port), "--bind", "127.0.0.1", "--save", "", "--dir",
                     self.folder.name], "1", environment)
        self._wait_for(self.redis_port)
        publisher = uvicorn("publisher", self.side.layer, redis=False)
        self._start([word.replace("{port}", str(self.publish_port)) for word in publisher.command], "1", environment)
        self._wait_for(self.publish_port)
        url = f"redis://127.0.0.1:{self.redis_port}"
        for port in self.ports:
            words = {"{port}": str(port), "{redis}": url, "{redis_port}": str(self.redis_port)}
            self._start([words.get(word, word) for word in self.server.command], "0", environment)
            self._wait_for(port)
        return self

    def commands(self):
        """How many Redis has done for broadcasts so far, those inside of scripts included."""
        said = subprocess.run(["redis-cli", "-p", str(self.redis_port), "info", "commandstats"], capture_output=True,
                              text=True, check=True).stdout
        return sum(int(calls) for name, calls in re.findall(r"^cmdstat_(\w+)[^:]*:calls=(\d+)", said, re.MULTILINE)
                   if name not in OTHER_COMMANDS)

    def options(self):
        redis, _, *servers = [str(process.pid) for process in self.processes]
        second = ["--second-port", str(self.ports[1])] if len(self.ports) > 1 else []
        return ["--port", str(self.ports[0]), *second, "--publish-port", str(self.publish_port),
                "--processes", ",".join(servers), "--apart", redis]


def run(bench, side, load):
    room = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100  # the load generator holds all of them
    connections = min(load.sockets * side.processes, room)
    messages = min(max(int(WORK * side.server.pace * bench.share * load.window) // connections, 10), 2_000)
    if load.rate:
        messages = int(3 * load.rate * bench.share) + 1
    with Peers(side) as peers:
        done = subprocess.run(
            ["taskset", "-c", "1", str(bench.programs / "load"), *peers.options(), "--connections", str(connections),
             "--messages", str(messages), "--warm-up", str(WARM_UP), "--per-minute", str(60 * load.rate),
             "--window", str(load.window), "--patience", "60"],
            capture_output=True, text=True, timeout=1800)
        commands = peers.commands()
    lines = done.stdout.splitlines()
    if not lines:
        print(f"{side.name}, {load.name}: {done.stderr.strip()[:300]}", file=sys.stderr)
        return None
    found = json.loads(lines[-1])
    if not found["good"]:
        print(f"{side.name}, {load.name}: {lines[-1]}", file=sys.stderr)
    found["sockets"] = connections // side.processes
    found["broadcast_us"] = found["cpu_us"] * connections
    found["redis_us"] = found["apart_us"] * connections
    found["redis_commands"] = commands / (messages + WARM_UP)
    return found


def measure(bench):
    figures = Figures()
    everyone = sides(bench.programs)
    for round in range(bench.rounds):
        for load in SINGLY + IN_BURSTS + PACED:
            bench.say(f"round {round + 1} of {bench.rounds}: through Redis, {load.name} in each process")
            for side in everyone:
                report = run(bench, side, load) if load.is_for(side, round) else None
                if report:
                    figures.add(side.name, load.name, round, report)
            figures.write(bench.results / "redis.json")
    bench.write("redis.md", page(figures, everyone, bench.rounds))


def costs(figures, side, load):
    """The cells of a row, up to the ratio to Channels; none, where nothing was measured."""
    cost = figures.median(side.name, load.name, "cpu_us")
    if cost is None:
        return []
    less = figures.ratio(side.rival, load.name, "cpu_us", side.name) if side.rival else None
    return [whole(figures.median(side.name, load.name, "sockets")), side.name,
            microseconds(figures.median(side.name, load.name, "broadcast_us")), microseconds(cost), times(less)]


def latencies(figures, side, load):
    return " / ".join(milliseconds(figures.median(side.name, load.name, field)) for field in ("p50_us", "p99_us"))


def single_rows(figures, everyone):
    for load in SINGLY:
        for side in everyone:
            if cells := costs(figures, side, load):
                comparable = side.layer == "pubsub" and side.processes == 1
                floor = figures.ratio(side.name, load.name, "cpu_us", FLOOR) if comparable else None
                yield cells + [times(floor), microseconds(figures.median(side.name, load.name, "redis_us")),
                               f"{figures.median(side.name, load.name, 'redis_commands'):.1f}",
                               latencies(figures, side, load)]


def burst_rows(figures, everyone):
    for load in IN_BURSTS:
        for side in everyone:
            if cells := costs(figures, side, load):
                yield cells + [latencies(figures, side, load)]


def paced_rows(figures, everyone):
    for side in everyone:
        if PACED[0].is_for(side, 0):
            yield [side.name, *(microseconds(figures.median(side.name, load.name, "redis_us")) for load in PACED)]


def page(figures, everyone, rounds):
    cost = ["sockets of a process", "", "per broadcast", "per delivery", "Channels to it"]
    return f"""# Through Redis

Django's `group_send` of the event that Baserow broadcasts with is heard by sockets of Sluice, or by JSON consumers of
Channels on uvicorn, on the same layer and the same Redis. Processor time of the processes that hold the sockets, per
broadcast and per delivery; how many times less that is than Channels in the same round; how it compares with the floor,
which does nothing but read Redis' message and `send()` to each socket; Redis' own time, and the commands it did, those
inside of scripts included; the time from the word to Django's publisher until a socket has it. Medians of {rounds}
interleaved rounds (one for Channels with 10,000).

## One broadcast at a time

{table([*cost, "to the floor", "Redis, per broadcast", "commands", "p50 / p99, ms"], single_rows(figures, everyone))}
## {BURST} broadcasts in flight

{table([*cost, "p50 / p99, ms"], burst_rows(figures, everyone))}
## What Redis pays for a broadcast

Sluice's commands above are as many for 10,000 sockets as for one. Time is another matter where broadcasts are rare:
Redis finds cold caches after each pause, and keeps house meanwhile. So here at the same pace for all, {PACE} broadcasts
a second: processor time of Redis per broadcast, pauses included.

{table(["", *(load.name for load in PACED)], paced_rows(figures, everyone))}"""
