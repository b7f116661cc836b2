# SPDX-License-Identifier: MIT
"""Does one subscriber who does not read slow the others down?"""
import resource

from compare import loads
from compare.figures import Figures, milliseconds, table, times, whole
from compare.servers import Running, sluice

BYTES, MESSAGES = 2_000, 100
SMALL_QUEUE = 64 * 1024
WITHOUT, AGAIN, WAITS, CUT_OFF = "nobody stalls", "nobody stalls, again", "one stalls, its queue grows", \
    "one stalls, and is cut off"


def measure(bench):
    """The stalled reader's socket takes little (see load/clients.cpp), so that the queue is Sluice's."""
    connections = 10_000 if resource.getrlimit(resource.RLIMIT_NOFILE)[1] > 11_000 else 1_000
    small = ("--queued-bytes", str(SMALL_QUEUE))
    compared = [(sluice(bench.programs, 1, WITHOUT), 0), (sluice(bench.programs, 1, WAITS), 1),
                (sluice(bench.programs, 1, CUT_OFF, *small), 1), (sluice(bench.programs, 1, AGAIN), 0)]
    figures = Figures()
    for round in range(bench.rounds):
        for server, stalled in compared:
            bench.say(f"round {round + 1} of {bench.rounds}: {server.name}, {connections:,} subscribers")
            load = loads.Load("fan-out", "fan_out", 0, connections, options=(
                "--bytes", str(BYTES), "--stalled", str(stalled), "--messages", str(MESSAGES)))
            with Running(server) as running:
                report = loads.run(bench, load, running)
            if report:
                figures.add(server.name, load.name, round, report)
        figures.write(bench.results / "stalled.json")

    def middle(server, field):
        return figures.median(server, "fan-out", field)

    rows = [[server, *[milliseconds(middle(server, field)) for field in ("p50_us", "p99_us", "p999_us")],
             times(figures.ratio(server, "fan-out", "p99_us", WITHOUT)), f"{middle(server, 'cpu_us'):.2f}",
             whole(middle(server, "lost_connections"))] for server in figures.names("server")]
    bench.write("stalled.md", f"""# One reader who does not read, among {connections:,}

{MESSAGES} broadcasts of {BYTES:,} bytes, one at a time; medians of {bench.rounds} interleaved rounds. What the stalled reader
does not take waits in its own queue, which may hold 4 MiB by default: there it stays. With `queued_bytes` of
{SMALL_QUEUE // 1024} KiB it passes the limit on the way and is cut off.

{table(["", "p50, ms", "p99, ms", "p99.9, ms", "p99 to nobody stalling", "µs per delivery", "cut off"], rows)}""")
