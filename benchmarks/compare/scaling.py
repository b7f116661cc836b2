# SPDX-License-Identifier: MIT
"""How Sluice's cost grows: with threads over sockets; with members, groups and connections in one process."""
import json
import statistics
import subprocess

from compare import loads, svg
from compare.figures import Figures, microseconds, table
from compare.servers import Running, sluice

THREADS = (1, 2, 4)
CONNECT, SINGLE, LARGE, BURST = LOADS = [loads.CONNECT, loads.fan_out(1_000), loads.fan_out(10_000),
                                         loads.fan_out(1_000, 16, 500_000)]
AXES = {"members": "members", "groups of the connection": "groups", "connections of each group": "connections"}


def measure(bench):
    figures = over_threads(bench)
    in_process(bench)
    bench.write("extrapolation.md", "# 64 cores and a million connections\n\n" + extrapolation(figures))


def over_threads(bench):
    figures = Figures()
    for round in range(bench.rounds):
        for load in LOADS:
            bench.say(f"round {round + 1} of {bench.rounds}: {load.name}, {THREADS} threads")
            for threads in THREADS:
                server = sluice(bench.programs, threads)
                server.processors = "0-1"
                with Running(server) as running:
                    report = loads.run(bench, load, running, "0-1")
                if report:
                    figures.add(str(threads), load.name, round, report)
    figures.write(bench.results / "threads.json")
    rows = [[threads, *[microseconds(figures.median(threads, load.name, "cpu_us")) for load in LOADS]]
            for threads in figures.names("server")]
    bench.write("threads.md", f"""# Sluice with 1, 2 and 4 threads

Processor time of all threads together, per connection made and closed, and per delivery; medians of {bench.rounds} rounds.
Server and load share two processors here, whatever the threads.

{table(["threads", *[load.name for load in LOADS]], rows)}""")
    bench.write("threads.svg", svg.lines("Processor time per connection and per delivery", "threads", "µs", {
        load.name: [(int(threads), cost) for threads in figures.names("server")
                    if (cost := figures.median(threads, load.name, "cpu_us"))] for load in LOADS}))
    return figures


def in_process(bench):
    points = {}
    for round in range(bench.rounds):
        bench.say(f"round {round + 1} of {bench.rounds}: sessions in one process")
        done = subprocess.run(["taskset", "-c", "0", bench.programs / "scaling"], capture_output=True, text=True,
                              check=True)
        for row in done.stdout.splitlines():
            series, x, nanoseconds = row.split("\t")
            points.setdefault(series, {}).setdefault(int(x), []).append(float(nanoseconds))
    medians = {series: [(x, statistics.median(values)) for x, values in sorted(of.items())]
               for series, of in points.items()}
    bench.write("scaling.json", json.dumps(medians, indent=1) + "\n")
    tables = []
    for about, axis in AXES.items():
        chosen = {name.split(", by ")[0]: of for name, of in medians.items()
                  if name.split(", by ")[1].startswith(about.split(" of ")[0])}
        xs = sorted({x for of in chosen.values() for x, _ in of})
        tables.append(table([f"ns, by {about}", *[f"{x:,}" for x in xs]],
                            [[name, *[f"{dict(of)[x]:,.1f}" for x in xs]] for name, of in chosen.items()]))
        bench.write(f"scaling-{axis}.svg", svg.lines(f"Whole sessions in one process, by {about}", about, "ns", chosen))
    bench.write("scaling.md", f"""# How Sluice's cost grows

Whole sessions, hosts and hubs on one executor, with connections that swallow what they are sent: everything but the
sockets. Nanoseconds per delivery, per connection, per group joined or left, and per broadcast to three users; medians of
{bench.rounds} rounds. A level line is what is wanted; the price of a broadcast grows with who hears it.

""" + "\n".join(tables))


def extrapolation(figures):
    """The arithmetic, with what was just measured."""
    single = figures.median("2", LARGE.name, "cpu_us")
    burst = figures.median("2", BURST.name, "cpu_us")
    connect = figures.median("4", CONNECT.name, "cpu_us")
    memory = figures.median("1", LARGE.name, "memory")
    if None in (single, burst, connect, memory):
        return "Not all of it was measured.\n"
    cores, connections, wire = 64, 1_000_000, 166  # bytes: 100, a frame's header, TCP's and IP's
    seconds = connections * single / 1e6
    return f"""Nobody has measured this here: it is arithmetic on the figures above, with {cores} executors of
{connections // cores:,} connections each, and holds as far as the lines are straight.

- **Memory.** {memory:,.0f} bytes of user space for a connection in a group (10,000 of them, without TLS or windows of
  compression); a million take {connections * memory / 1e9:.1f} GB. The kernel's part of a TCP connection comes on top;
  at an assumed 4 KB it is 4 GB.
- **One broadcast to all.** 1,000,000 × {single:.2f} µs = {seconds:.1f} s of processor time; over {cores} cores
  {seconds / cores * 1000:.0f} ms until the last has it, so {cores / seconds:.0f} broadcasts a second to everyone. The wire:
  {wire} bytes × 1,000,000 = {wire * connections / 1e6:.0f} MB, {wire * connections * 8 / 1e10 * 1000:.0f} ms of a 10 Gbit/s
  card, so that {'the card is the bound, not the cores' if wire * connections * 8 / 1e10 > seconds / cores else 'the cores and the card are full at about the same time'}.
- **In bursts of 16.** {burst:.3f} µs per delivery: {connections * burst / 1e6 / cores * 1000:.1f} ms for each broadcast
  over {cores} cores. There the card is the bound: some {1e10 / 8 / (112 * connections):.0f} broadcasts of 100 bytes a second to
  everyone.
- **Everybody connects again** after a restart: 1,000,000 × {connect:.1f} µs (4 threads) = {connections * connect / 1e6:.0f} s of
  processor time, {connections * connect / 1e6 / cores:.1f} s of {cores} cores.

What may break it: locks and memory bandwidth in the kernel that two cores do not show, one accepting socket (one thread
accepts for all; its own part of a connection is some microseconds, so a few hundred thousand connections a second at
best), and a broadcast's one wake-up per executor, which is {cores} system calls instead of two.
"""
