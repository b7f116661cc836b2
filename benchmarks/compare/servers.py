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
    `rounds`: how often it is measured at most, for the same reason."""
    name: str
    command: list
    pace: float = 1
    burst_pace: float = 0.1  # the same for bursts, which few handle faster than single messages
    environment: dict = field(default_factory=dict)
    redis: bool = False
    processors: str = "0"
    rounds: int = 1_000


def uvicorn(name, layer, redis):
    return Server(name, [PYTHON, "-m", "uvicorn", "--app-dir", str(RIVALS), "--port", "{port}", "--loop", "uvloop",
                         "--ws", "websockets", "--lifespan", "off", "--log-level", "error",
                         "django_channels:application"],
                  pace=0.02, burst_pace=0.01, environment={"LAYER": layer}, redis=redis, rounds=1)


def sluice(programs, threads=1):
    name = "Sluice" if threads == 1 else f"Sluice, {threads} threads"
    return Server(name, [str(programs / "server"), "--port", "{port}", "--threads", str(threads)], burst_pace=2,
                  processors="0" if threads == 1 else "0-1")


def everyone(programs, rivals=()):
    """The floor first: what the others are compared with. `rivals`: commands in which {port} is replaced."""
    found = [Server("floor", [str(programs / "floor"), "{port}"], burst_pace=0.3),
             Server("floor, joined", [str(programs / "floor"), "{port}", "joined"], burst_pace=2),
             sluice(programs)]
    if (programs / "beast").exists():
        found.append(Server("Boost.Beast", [str(programs / "beast"), "{port}"]))
    if (programs / "libwebsockets").exists():
        found.append(Server("libwebsockets", [str(programs / "libwebsockets"), "{port}"]))
    if shutil.which("node") and (RIVALS / "node_modules/ws").exists():
        found.append(Server("Node ws", ["node", str(RIVALS / "node_ws.js"), "{port}"]))
    found.append(Server("Python websockets", [PYTHON, str(RIVALS / "python_websockets.py"), "{port}"], pace=0.3))
    found.append(uvicorn("Channels, in memory", "memory", redis=False))
    found.append(uvicorn("Channels, Redis", "redis", redis=True))
    found.append(uvicorn("Channels, Redis pub/sub", "pubsub", redis=True))
    for rival in rivals:
        found.append(Server(shlex.split(rival)[0].rsplit("/", 1)[-1], shlex.split(rival), pace=0.3))
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
        self.log.close()
        self.folder.cleanup()

    @property
    def ids(self):
        return ",".join(str(process.pid) for process in self.processes)

    def settle(self, at_most=60):
        """Waits until the server is done with the last load's end, so that the next one does not pay for it."""
        until = time.monotonic() + at_most
        while time.monotonic() < until:
            before = self._ticks()
            time.sleep(0.3)
            if self._ticks() - before <= 1:
                return

    def _ticks(self):
        """Processor time so far, in ticks: fields 14 and 15 of proc(5), counted behind the name."""
        fields = [Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split() for process in self.processes]
        return sum(int(of[11]) + int(of[12]) for of in fields)

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
