# SPDX-License-Identifier: MIT
"""What is measured: Sluice, the floor, and servers that others write for the same job."""
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
RIVALS = HERE / "rivals"
PYTHON = "/usr/bin/python3"  # Debian's, with Debian's packages


@dataclass
class Server:
    """Serves /sub, /pub and /echo on {port}. `pace`: how much of a load it is given, so that a slow one ends too;
    `slow`: it does heavy loads in the first round only, for the same reason; so does with the largest bursts whoever
    makes a system call per message."""
    name: str
    command: list
    pace: float = 1
    burst_pace: float = 0.1  # the same for bursts, which few handle faster than single messages
    environment: dict = field(default_factory=dict)
    redis: bool = False
    processors: str = "0"
    slow: bool = False
    bursts: bool = True  # false: it says nothing about them that another does not say
    singles: bool = True
    widest: int = 256  # burst, in broadcasts: beyond it messages are lost and minutes pass
    load_options: tuple = ()

    def takes(self, load, round):
        minutes = load.heavy and (self.slow or (load.burst and load.connections > 5_000 and self.burst_pace < 1))
        if minutes and round > 0:
            return False
        return self.bursts and load.window <= self.widest if load.burst else self.singles


def uvicorn(name, layer, redis, widest=64):
    return Server(name, [PYTHON, "-m", "uvicorn", "--app-dir", str(RIVALS), "--port", "{port}", "--loop", "uvloop",
                         "--ws", "websockets", "--lifespan", "off", "--log-level", "error",
                         "django_channels:application"],
                  pace=0.03, burst_pace=0, environment={"LAYER": layer}, redis=redis, slow=True,
                  widest=widest)


def sluice(programs, threads=1, name="", *options, load_options=()):
    return Server(name or ("Sluice" if threads == 1 else f"Sluice, {threads} threads"),
                  [str(programs / "server"), "--port", "{port}", "--threads", str(threads), *options], burst_pace=2,
                  processors="0" if threads == 1 else "0-1", load_options=load_options)


FLOOR, FLOOR_AGAIN = "floor", "floor, again"
JOINED, JOINED_AGAIN = "floor, joined", "floor, joined, again"


def floors(programs):
    """name -> server. Each is there twice: how far the two are apart is the noise."""
    floor, joined = [str(programs / "floor"), "{port}"], [str(programs / "floor"), "{port}", "joined"]
    return {FLOOR: Server(FLOOR, floor, burst_pace=0.3), FLOOR_AGAIN: Server(FLOOR_AGAIN, floor, bursts=False),
            JOINED: Server(JOINED, joined, burst_pace=2, singles=False),
            JOINED_AGAIN: Server(JOINED_AGAIN, joined, burst_pace=2, singles=False)}


def everyone(programs, rivals=()):
    """The floor first: what the others are compared with. `rivals`: commands in which {port} is replaced."""
    floor = floors(programs)
    found = [floor[FLOOR], floor[JOINED], sluice(programs)]
    if (programs / "beast").exists():
        found.append(Server("Boost.Beast", [str(programs / "beast"), "{port}"]))
    if (programs / "libwebsockets").exists():
        found.append(Server("libwebsockets", [str(programs / "libwebsockets"), "{port}"]))
    found += [floor[FLOOR_AGAIN], floor[JOINED_AGAIN]]
    if shutil.which("node") and (RIVALS / "node_modules/ws").exists():
        found.append(Server("Node ws", ["node", str(RIVALS / "node_ws.js"), "{port}"], pace=0.5))
    if shutil.which("node") and (RIVALS / "node_modules/uwebsockets").exists():
        found.append(Server("uWebSockets.js", ["node", str(RIVALS / "uwebsockets.js"), "{port}"]))
    for bun in sorted(RIVALS.glob("node_modules/@oven/bun-*/bin/bun")):
        found.append(Server("Bun", [str(bun), str(RIVALS / "bun.js"), "{port}"]))
    found.append(Server("Python websockets", [PYTHON, str(RIVALS / "python_websockets.py"), "{port}"], pace=0.2))
    for rival in rivals:
        found.append(Server(shlex.split(rival)[0].rsplit("/", 1)[-1], shlex.split(rival), pace=0.3))
    found.append(uvicorn("Channels, in memory", "memory", redis=False))
    found.append(uvicorn("Channels, Redis", "redis", redis=True))
    found.append(uvicorn("Channels, Redis pub/sub", "pubsub", redis=True, widest=256))
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Running:
    """A started server, ended on leaving. Only processes that were started here are ended."""

    def __init__(self, server):
        self.server = server
        self.port = free_port()
        self.processes = []
        self.folder = tempfile.TemporaryDirectory()
        self.log = open(Path(self.folder.name, "log"), "w+")
        self.said = ""  # by the servers, when they have ended

    def __enter__(self):
        environment = dict(os.environ, **self.server.environment)
        if self.server.redis:
            redis_port = free_port()
            environment["REDIS_PORT"] = str(redis_port)
            self._start(["redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "",
                         "--dir", self.folder.name], "1", environment)
            self._wait_for(redis_port)
        self._start([word.replace("{port}", str(self.port)) for word in self.server.command],
                    self.server.processors, environment)
        self._wait_for(self.port)
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.log.seek(0)
        self.said = self.log.read()
        self.log.close()
        self.folder.cleanup()

    @property
    def ids(self):
        return ",".join(str(process.pid) for process in self.processes)

    def _start(self, command, processors, environment):
        self.processes.append(subprocess.Popen(["taskset", "-c", processors, *command], env=environment,
                                               stdout=self.log, stderr=self.log))

    def _wait_for(self, port):
        until = time.monotonic() + 60
        while time.monotonic() < until and self.processes[-1].poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        self.log.seek(0)
        message = f"{self.server.name} does not listen: {self.log.read()[-2000:]}"
        self.__exit__()
        raise RuntimeError(message)
