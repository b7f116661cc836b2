# SPDX-License-Identifier: MIT
"""Through Redis: Django publishes, and sockets of Sluice, or of Channels, hear it."""
import json
import os
import subprocess
import sys

from compare.figures import Figures, microseconds, milliseconds, table, times
from compare.servers import Running, Server, free_port, uvicorn

SOCKETS = (1, 100, 10_000)  # of each process
WORK = 60_000               # deliveries for a server of pace 1


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
    return [Side(core, channels("redis"), "redis"), Side(pubsub, channels("pubsub"), "pubsub"),
            Side("Sluice, core", sluice("--redis"), "redis", rival=core),
            Side("Sluice, core, 2 processes", sluice("--redis"), "redis", 2, rival=core),
            Side("Sluice, pub/sub", sluice("--redis-pubsub"), "pubsub", rival=pubsub),
            Side("Sluice, pub/sub, 2 processes", sluice("--redis-pubsub"), "pubsub", 2, rival=pubsub)]


class Peers(Running):
    """A Redis, a Django that publishes, and the processes that hold sockets: started in this order, ended on leaving."""

    def __init__(self, side):
        super().__init__(side.server)
        self.side = side
        self.publish_port = free_port()
        self.ports = [free_port() for _ in range(side.processes)]

    def __enter__(self):
        redis_port = free_port()
        environment = dict(os.environ, REDIS_PORT=str(redis_port), LAYER=self.side.layer)
        self._start(["redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", "--dir",
                     self.folder.name], "1", environment)
        self._wait_for(redis_port)
        publisher = uvicorn("publisher", self.side.layer, redis=False)
        for_sluice = {"FOR_SLUICE": "yes"} if self.side.rival else {}
        self._start([word.replace("{port}", str(self.publish_port)) for word in publisher.command], "1",
                    environment | for_sluice)
        self._wait_for(self.publish_port)
        url = f"redis://127.0.0.1:{redis_port}"
        for port in self.ports:
            self._start([word.replace("{port}", str(port)).replace("{redis}", url) for word in self.server.command],
                        "0", environment)
            self._wait_for(port)
        return self

    def options(self):
        redis, _, *servers = [str(process.pid) for process in self.processes]
        second = ["--second-port", str(self.ports[1])] if len(self.ports) > 1 else []
        return ["--port", str(self.ports[0]), *second, "--publish-port", str(self.publish_port),
                "--processes", ",".join(servers), "--apart", redis]


def run(bench, side, sockets):
    connections = sockets * side.processes
    messages = max(int(WORK * side.server.pace * bench.share) // connections, 10)
    with Peers(side) as peers:
        done = subprocess.run(
            ["taskset", "-c", "1", str(bench.programs / "load"), *peers.options(), "--connections", str(connections),
             "--messages", str(min(messages, 2_000)), "--warm-up", "5", "--patience", "60"],
            capture_output=True, text=True, timeout=1800)
    lines = done.stdout.splitlines()
    if not lines:
        print(f"{side.name}, {sockets} sockets: {done.stderr.strip()[:300]}", file=sys.stderr)
        return None
    found = json.loads(lines[-1])
    if not found["good"]:
        print(f"{side.name}, {sockets} sockets: {lines[-1]}", file=sys.stderr)
    found["broadcast_us"] = found["cpu_us"] * connections
    found["redis_us"] = found["apart_us"] * connections
    return found


def load_of(sockets):
    return f"{sockets:,} sockets"


def measure(bench):
    figures = Figures()
    everyone = sides(bench.programs)
    for round in range(bench.rounds):
        for sockets in SOCKETS:
            bench.say(f"round {round + 1} of {bench.rounds}: through Redis, {load_of(sockets)} in each process")
            for side in everyone:
                if not side.rival and sockets > 5_000 and round > 0:
                    continue  # takes minutes
                report = run(bench, side, sockets)
                if report:
                    figures.add(side.name, load_of(sockets), round, report)
            figures.write(bench.results / "redis.json")
    bench.write("redis.md", page(figures, everyone, bench.rounds))


def page(figures, everyone, rounds):
    rows = []
    for sockets in SOCKETS:
        load = load_of(sockets)
        for side in everyone:
            cost = figures.median(side.name, load, "cpu_us")
            if cost is None:
                continue
            less = figures.ratio(side.rival, load, "cpu_us", side.name) if side.rival else None
            rows.append([f"{sockets:,}", side.name, microseconds(figures.median(side.name, load, "broadcast_us")),
                         microseconds(cost), times(less), microseconds(figures.median(side.name, load, "redis_us")),
                         " / ".join(milliseconds(figures.median(side.name, load, field))
                                    for field in ("p50_us", "p99_us"))])
    return f"""# Through Redis

Django's `group_send`, one at a time, is heard by sockets of Sluice or of Channels on uvicorn, on the same layer and the
same Redis. Processor time of the processes that hold the sockets, per broadcast and per delivery; how many times less
that is than Channels in the same round; Redis's own per broadcast; the time from the word to Django's publisher until a
socket has it. Medians of {rounds} interleaved rounds (one for Channels with 10,000).

{table(["sockets of a process", "", "per broadcast", "per delivery", "Channels to it", "Redis, per broadcast",
        "p50 / p99, ms"], rows)}"""
