# SPDX-License-Identifier: MIT
"""How Sluice's cost grows: with threads over sockets; with members, groups and connections in one process."""
import statistics
import subprocess

from compare import loads, svg
from compare.figures import Figures, microseconds, table
from compare.servers import Running, sluice

THREADS = (1, 2, 4)
LOADS = [loads.Load("connect", "connect", 3_000, 64), loads.fan_out(1_000), loads.fan_out(10_000),
         loads.fan_out(1_000, 16, 1_000_000)]


def measure(bench):
    over_threads(bench)
    in_process(bench)


def over_threads(bench):
    figures = Figures(bench.results / "threads.jsonl")
    for repetition in range(bench.repetitions):
        for threads in THREADS:
            server = sluice(bench.programs, threads)
            server.processors = "0-1"
            bench.say(f"round {repetition + 1} of {bench.repetitions}: {threads} threads")
            with Running(server) as running:
                for load in LOADS:
                    report = loads.run(bench, load, running, "0-1")
                    if report:
                        figures.add(str(threads), load.name, repetition, report)
    rows = [[threads, *[microseconds(figures.median(threads, load.name, "cpu_us")) for load in LOADS]]
            for threads in figures.names("server")]
    bench.write("threads.md", f"""# Sluice with 1, 2 and 4 threads

Processor time of all threads together, per delivery or connection; medians of {bench.repetitions} rounds. Server and
load share two processors, so more than two threads do not run at once.

{table(["threads", *[load.name for load in LOADS]], rows)}""")
    bench.write("threads.svg", svg.lines("Processor time per delivery and per connection", "threads", "µs", {
        load.name: [(int(threads), cost) for threads in figures.names("server")
                    if (cost := figures.median(threads, load.name, "cpu_us"))] for load in LOADS}))


def in_process(bench):
    points = {}
    for repetition in range(bench.repetitions):
        bench.say(f"round {repetition + 1} of {bench.repetitions}: sessions in one process")
        done = subprocess.run(["taskset", "-c", "0", bench.programs / "scaling"], capture_output=True, text=True,
                              check=True)
        for row in done.stdout.splitlines():
            series, x, nanoseconds = row.split("\t")
            points.setdefault(series, {}).setdefault(int(x), []).append(float(nanoseconds))
    medians = {series: [(x, statistics.median(values)) for x, values in sorted(of.items())]
               for series, of in points.items()}
    tables = []
    for about, axis in (("members", "members"), ("groups of the connection", "groups")):
        chosen = {name: of for name, of in medians.items() if about.split()[0] in name.split(", by ")[1]}
        xs = sorted({x for of in chosen.values() for x, _ in of})
        tables.append(table([f"ns, by {about}", *[f"{x:,}" for x in xs]],
                            [[name.split(", by ")[0], *[f"{dict(of)[x]:,.1f}" for x in xs]]
                             for name, of in chosen.items()]))
        bench.write(f"scaling-{axis}.svg", svg.lines(f"Whole sessions in one process, by {about}", about, "ns", {
            name.split(", by ")[0]: of for name, of in chosen.items()}))
    bench.write("scaling.md", f"""# How Sluice's cost grows

Whole sessions, hosts and hubs on one executor, with connections that swallow what they are sent: everything but the
sockets. Nanoseconds per delivery, per connection, per group joined or left, and per broadcast to three users; medians of
{bench.repetitions} rounds. A level line is what is wanted.

""" + "\n".join(tables))
