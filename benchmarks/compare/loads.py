# SPDX-License-Identifier: MIT
"""What is asked of a server, and how one run of it is done."""
import json
import subprocess
import sys
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Load:
    """One row of a table. `work`: deliveries, echoes or connections for a server of pace 1."""
    name: str
    workload: str
    work: int
    connections: int = 100
    window: int = 1
    options: tuple = field(default=())

    @property
    def burst(self):
        return self.window > 1

    @property
    def heavy(self):
        """Slow servers take minutes for it: they do it once."""
        return self.burst or self.connections > 5_000

    def arguments(self, server, share):
        pace = server.burst_pace if self.burst else server.pace
        messages = int(self.work * pace * share)
        warm_up = 500
        if self.workload == "fan_out":
            # At least some broadcasts, or a window of them.
            messages = max(messages // self.connections, 3, self.window if self.burst else 0)
            warm_up = max(2, messages // 20)
        return ["--workload", self.workload, "--connections", str(self.connections), "--window", str(self.window),
                "--messages", str(max(messages, 3)), "--warm-up", str(min(warm_up, max(messages, 3))), *self.options]


def fan_out(connections, window=1, work=200_000, *options, name=""):
    return Load(name or f"fan-out N={connections:,} W={window}", "fan_out", work, connections, window, options)


IDLE = Load("idle", "idle", 0, 10_000)
CONNECT = Load("connect", "connect", 5_000, 64)
ECHO = Load("echo", "echo", 50_000)
COMPARED = [IDLE, CONNECT, ECHO, fan_out(100), fan_out(1_000, 1, 300_000), fan_out(10_000, 1, 300_000),
            *[fan_out(members, 1, 300_000, "--bytes", "1000", name=f"fan-out N={members:,} W=1 S=1,000")
              for members in (1_000, 10_000)],
            fan_out(1_000, 16, 1_000_000), fan_out(1_000, 64, 1_000_000), fan_out(1_000, 256, 1_000_000),
            fan_out(10_000, 256, 1_000_000),
            fan_out(1_000, 64, 1_000_000, "--publishers", "16", name="fan-out N=1,000 W=64 P=16")]
QUICK = [Load("idle", "idle", 0, 1_000), CONNECT, ECHO, fan_out(1_000), fan_out(1_000, 16, 1_000_000)]


def run(bench, load, running, processor="1"):
    """One run: what the load generator found, or None with a word on stderr. What was lost is in the report."""
    server = running.server
    command = ["taskset", "-c", processor, str(bench.programs / "load"), "--port", str(running.port), "--processes",
               running.ids, "--patience", "20", *load.arguments(server, bench.share), *server.load_options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    lines = done.stdout.splitlines()
    if not lines:
        print(f"{server.name}, {load.name}: {done.stderr.strip()[:300]}", file=sys.stderr)
        return None
    report = json.loads(lines[-1])
    if not report["good"]:
        print(f"{server.name}, {load.name}: {lines[-1]}", file=sys.stderr)
    return report
