# SPDX-License-Identifier: MIT
"""Sluice beside the floor and the rivals: a table, and cost over N and over W, memory, connecting, latency."""
from compare import loads, svg
from compare.figures import Figures, microseconds, milliseconds, table, times
from compare.servers import Running, everyone

LATENCY = "fan-out N=1,000 W=1"


def measure(bench):
    """Every server in turn, then again: a busy minute hits them all alike."""
    figures = Figures(bench.results / "rivals.jsonl")
    servers = everyone(bench.programs, bench.rivals)
    for repetition in range(bench.repetitions):
        for server in servers:
            if repetition >= server.rounds:
                continue
            bench.say(f"round {repetition + 1} of {bench.repetitions}: {server.name}")
            with Running(server) as running:
                for load in loads.COMPARED:
                    report = loads.run(bench, load, running)
                    if report:
                        figures.add(server.name, load.name, repetition, report)
    report(bench, figures)


def floor_of(load):
    return "floor, joined" if load.burst else "floor"


def noise(figures, compared):
    found = [ratio for load in compared if not load.burst
             if (ratio := figures.ratio("floor, joined", load.name, "cpu_us", "floor"))]
    return f"{times(min(found))} to {times(max(found))}" if found else "not measured"


def report(bench, figures):
    compared = [load for load in loads.COMPARED if load.workload != "idle"]
    rows = []
    for server in figures.names("server"):
        row = [server, str(len({one["repetition"] for one in figures.rows if one["server"] == server}))]
        for load in compared:
            lost = figures.lost(server, load.name)
            if lost is not None:
                row.append(f"{lost:.0%} missing")
            elif server == floor_of(load):
                row.append(microseconds(figures.median(server, load.name, "cpu_us")))
            else:
                row.append(times(figures.ratio(server, load.name, "cpu_us", floor_of(load))))
        memory = figures.median(server, "idle", "memory")
        row.append("" if memory is None else f"{memory:,.0f}")
        row.append(" / ".join(milliseconds(figures.median(server, LATENCY, field))
                              for field in ("p50_us", "p99_us", "p999_us")))
        rows.append(row)
    head = ["server", "rounds", *[load.name for load in compared], "idle, bytes each", f"{LATENCY}: p50 / p99 / p99.9, ms"]
    bench.write("rivals.md", f"""# Sluice beside others

Processor time of the server, user and kernel, per delivery, echo, or connection made and closed; medians of
the interleaved rounds. Each × is to the floor of the same round: to `floor`, or in bursts (W > 1
broadcasts in flight) to `floor, joined`. 100-byte messages. "Missing": so many deliveries never
came, in every round.

**The noise:** with one broadcast at a time, echo and connect the two floors do the same work. Their distance from × 1 is
how far chance alone moves a figure in these runs ({noise(figures, compared)}); smaller differences mean nothing.

[How to read it](../README.md), [the machine](machine.md).

{table(head, rows)}""")

    def costs(over, chosen):
        return {server: [(getattr(load, over), cost) for load in chosen
                         if (cost := figures.median(server, load.name, "cpu_us"))]
                for server in figures.names("server")}

    single = [load for load in compared if load.workload == "fan_out" and not load.burst]
    bursts = [load for load in compared if load.workload == "fan_out" and load.connections == 1_000]
    bench.write("cost-over-n.svg", svg.lines("One broadcast at a time: processor time per delivery", "subscribers (N)",
                                             "µs", costs("connections", single)))
    bench.write("cost-over-w.svg", svg.lines("Bursts to 1,000 subscribers: processor time per delivery",
                                             "broadcasts in flight (W)", "µs", costs("window", bursts)))
    for file, title, unit, load, fields in (
            ("memory.svg", "Memory of the server per idle connection", "bytes", "idle", {"": "memory"}),
            ("connect.svg", "Connect, handshake, close: processor time", "µs", "connect", {"": "cpu_us"}),
            ("latency.svg", "From publish to the last of 1,000 subscribers", "µs", LATENCY,
             {"p50": "p50_us", "p99": "p99_us", "p99.9": "p999_us"})):
        groups = {server: {part: value for part, field in fields.items()
                           if (value := figures.median(server, load, field))}
                  for server in figures.names("server")}
        bench.write(file, svg.bars(title, unit, {name: parts for name, parts in groups.items() if parts}))
