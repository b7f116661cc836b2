# SPDX-License-Identifier: MIT
"""Does one client that means harm slow the honest ones down, or fill the memory?"""
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from compare import attackers, loads
from compare.figures import Figures, milliseconds, table, times, whole
from compare.servers import Running, Server

HONEST, MESSAGES, PER_MINUTE = 1_000, 120, 600
NOBODY, AGAIN = "nobody", "nobody, again"
EVERYBODY = "all of them at once"


def public_key():
    with tempfile.TemporaryDirectory() as folder:
        key, public = Path(folder, "key"), Path(folder, "public")
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
        return public.read_text()


def peak_of(process):
    """The most memory that the process ever held, in MiB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)[1]) / 1024


def idle_priority():
    """The attackers get only what the load generator leaves of its processor: what is measured is the server."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    os.sched_setaffinity(0, {1})


class Attacked:
    """Attackers of these kinds, until they are ended."""

    def __init__(self, kinds, port):
        seconds = 60 + MESSAGES * 60 / PER_MINUTE
        self.processes = [subprocess.Popen([sys.executable, "-B", attackers.__file__, kind, str(port), str(seconds)],
                                           preexec_fn=idle_priority, stderr=subprocess.DEVNULL) for kind in kinds]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
        for process in self.processes:
            process.wait()


def measure(bench):
    server = Server("Sluice", [str(bench.programs / "hostile_server"), "--port", "{port}", "--threads", "1",
                               "--public-key", public_key()])
    load = loads.Load("fan-out", "fan_out", 0, HONEST, options=(
        "--messages", str(MESSAGES), "--per-minute", str(PER_MINUTE), "--warm-up", "20"))
    compared = {NOBODY: [], **{kind: [kind] for kind in attackers.KINDS}, EVERYBODY: list(attackers.KINDS), AGAIN: []}
    figures = Figures()
    for round in range(bench.rounds):
        for name, kinds in compared.items():
            bench.say(f"round {round + 1} of {bench.rounds}: {name}")
            with Running(server) as running:
                with Attacked(kinds, running.port):
                    report = loads.run(bench, load, running)
                peak = peak_of(running.processes[0])
            lines = running.said.count("\n")
            if report:
                figures.add(name, load.name, round, {**report, "peak": peak, "lines": lines})
        figures.write(bench.results / "hostile.json")

    def middle(name, field):
        return figures.median(name, load.name, field)

    rows = [[name, milliseconds(middle(name, "p50_us")), milliseconds(middle(name, "p99_us")),
             times(figures.ratio(name, load.name, "p99_us", NOBODY)), whole(middle(name, "peak")),
             whole(middle(name, "lines"))] for name in figures.names("server")]
    bench.write("hostile.md", f"""# One attacker of each kind, beside {HONEST:,} honest clients

{HONEST:,} clients receive {PER_MINUTE // 60} broadcasts a second for {MESSAGES * 60 // PER_MINUTE} seconds; medians of {bench.rounds} interleaved rounds. The server has one
thread and the default limits. An attacker is one process on the load generator's processor, at idle priority, that does
one thing as fast as it can; `benchmarks/compare/attackers.py` says what. A row without figures lost an honest message.

{table(["attacker", "p50, ms", "p99, ms", "p99 to nobody", "server's peak, MiB", "lines logged"], rows)}""")
