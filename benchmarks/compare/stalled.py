# SPDX-License-Identifier: MIT
"""Does one subscriber who does not read slow the others down?"""
import re
import resource

from compare import loads
from compare.figures import Figures, milliseconds, table, times, whole
from compare.servers import Running, sluice

BYTES, MESSAGES = 3_000, 100
SMALL_QUEUE = 64 * 1024
WITHOUT, AGAIN, WAITS, CUT_OFF, LATEST = "nobody stalls", "nobody stalls, again", "one stalls, its queue grows", \
    "one stalls, and is cut off", "one stalls, `keep_latest`"


def measure(bench):
    """The stalled reader's socket takes little (see load/clients.cpp), so that the queue is Sluice's."""
    connections = 10_000 if resource.getrlimit(resource.RLIMIT_NOFILE)[1] > 11_000 else 1_000
    small = ("--queued-bytes", str(SMALL_QUEUE))
    compared = [(sluice(bench.programs, 1, WITHOUT), 0), (sluice(bench.programs, 1, WAITS), 1),
                (sluice(bench.programs, 1, CUT_OFF, *small), 1),
                (sluice(bench.programs, 1, LATEST, "--when-slow", "keep_latest"), 1),
                (sluice(bench.programs, 1, AGAIN), 0)]
    figures = Figures()
    for round in range(bench.rounds):
        for server, stalled in compared:
            bench.say(f"round {round + 1} of {bench.rounds}: {server.name}, {connections:,} subscribers")
            load = loads.Load("fan-out", "fan_out", 0, connections, options=(
                "--bytes", str(BYTES), "--stalled", str(stalled), "--messages", str(MESSAGES)))
            with Running(server) as running:
                report = loads.run(bench, load, running)
            if report:
                cut_off = re.search(r"^(\d+) were too slow", running.said, re.MULTILINE)
                dropped = re.search(r"^(\d+) messages were dropped", running.said, re.MULTILINE)
                figures.add(server.name, load.name, round,
                            {**report, "cut_off": int(cut_off[1]), "dropped": int(dropped[1])})
        figures.write(bench.results / "stalled.json")

    def middle(server, field):
        return figures.median(server, "fan-out", field)

    rows = [[server, *[milliseconds(middle(server, field)) for field in ("p50_us", "p99_us", "p999_us")],
             times(figures.ratio(server, "fan-out", "p99_us", WITHOUT)), f"{middle(server, 'cpu_us'):.2f}",
             whole(middle(server, "cut_off")), whole(middle(server, "dropped"))] for server in figures.names("server")]
    bench.write("stalled.md", f"""# One reader who does not read, among {connections:,}

{MESSAGES} broadcasts of {BYTES:,} bytes, one at a time; medians of {bench.rounds} interleaved rounds. What the stalled reader
does not take waits in its own queue, which may hold 4 MiB by default: there it stays. With `queued_bytes` of
{SMALL_QUEUE // 1024} KiB it passes the limit on the way and is cut off. With `WhenSlow::keep_latest` only the newest message waits
beside the first {SMALL_QUEUE // 1024} KiB; there all readers have that policy.

{table(["", "p50, ms", "p99, ms", "p99.9, ms", "p99 to nobody stalling", "µs per delivery", "cut off", "messages dropped"],
       rows)}""")
