# SPDX-License-Identifier: MIT
"""Sluice beside the floor and the rivals: a table, and cost over N and over W, memory, connecting, latency."""
from compare import loads, svg
from compare.figures import Figures, microseconds, milliseconds, table, times, whole
from compare.servers import FLOOR, FLOOR_AGAIN, JOINED, JOINED_AGAIN, Running, everyone

LATENCY = "fan-out N=1,000 W=1"


def measure(bench):
    """Load by load, the servers in turn, each freshly started; then all again. A busy minute hits neighbours alike."""
    figures = Figures()
    servers = everyone(bench.programs, bench.rivals)
    for round in range(bench.rounds):
        for load in bench.loads:
            bench.say(f"round {round + 1} of {bench.rounds}: {load.name}")
            for server in servers:
                if not server.takes(load, round):
                    continue
                with Running(server) as running:
                    found = loads.run(bench, load, running)
                if found:
                    figures.add(server.name, load.name, round, found)
            figures.write(bench.results / "rivals.json")
    report(bench, figures)


def floor_of(load):
    return JOINED if load.burst else FLOOR


def spread(figures, compared):
    """The ratios of the same program to itself, over all loads and rounds."""
    return [ratio for load in compared for ratio in figures.ratios(
        JOINED_AGAIN if load.burst else FLOOR_AGAIN, load.name, "cpu_us", floor_of(load))]


def noise_of(figures, compared):
    """As a sentence."""
    found = spread(figures, compared)
    if not found:
        return "The noise was not measured."
    medians = [ratio for load in compared if (ratio := figures.ratio(
        JOINED_AGAIN if load.burst else FLOOR_AGAIN, load.name, "cpu_us", floor_of(load)))]
    return (f"**The noise:** each floor ran twice in every round, and the second was between {times(min(found))} and "
            f"{times(max(found))} of the first ({times(min(medians))} to {times(max(medians))} after the median of the "
            "rounds). Smaller differences mean nothing.")


def cell(figures, server, load):
    lost = figures.lost(server, load.name)
    if lost is not None:
        return f"{lost:.0%} missing"
    if server == floor_of(load):
        return microseconds(figures.median(server, load.name, "cpu_us"))
    return times(figures.ratio(server, load.name, "cpu_us", floor_of(load)))


def rows_of(figures, compared):
    rows = []
    floors = [name for name in (FLOOR, FLOOR_AGAIN, JOINED, JOINED_AGAIN) if name in figures.names("server")]
    for server in dict.fromkeys([*floors, *figures.names("server")]):
        latencies = [figures.median(server, LATENCY, field) for field in ("p50_us", "p99_us", "p999_us")]
        rows.append([server, *[cell(figures, server, load) for load in compared],
                     whole(figures.median(server, "idle", "memory")),
                     " / ".join(milliseconds(value) for value in latencies) if None not in latencies else ""])
    return rows


def report(bench, figures):
    compared = [load for load in bench.loads if load.workload != "idle"]
    head = ["server", *[load.name for load in compared], "idle, bytes each", f"{LATENCY}: p50 / p99 / p99.9, ms"]
    body = table(head, rows_of(figures, compared))
    noise = noise_of(figures, compared)
    bench.write("rivals.md", f"""# Sluice beside others

Processor time of the server, user and kernel, per delivery, echo, or connection made and closed; medians of
{bench.rounds} interleaved rounds (of one round for Channels with N=10,000 and in bursts, and for all but the
joined floor and Sluice with N=10,000 W=256: it takes them minutes). N: subscribers
of one group. W: broadcasts in flight; at 1 the next is published when all have the last. S: bytes of a message, 100 where
it is not said. P: publishers, who speak in turns, 1 where it is not said. Each × is to the floor of the same round: to
`floor`, or in bursts to `floor, joined`. "Missing": so many deliveries never came, in every round. An empty place was not
measured.

{noise}

{body}""")
    bench.write("summary.md", f"# In short\n\n{summary(figures, compared)}\n{noise}\n")
    plots(bench, figures, compared)


def summary(figures, compared):
    """The table of the README: loads down, a few servers across."""
    shown = [name for name in ("Sluice", "uWebSockets.js", "Bun", "Boost.Beast", "libwebsockets", "Node ws", "Python websockets",
                               "Channels, Redis pub/sub", "Channels, Redis") if name in figures.names("server")]
    rows = [[load.name, microseconds(figures.median(floor_of(load), load.name, "cpu_us")),
             *[cell(figures, server, load) for server in shown]] for load in compared]
    memory = {server: figures.median(server, "idle", "memory") for server in [FLOOR, *shown]}
    rows.append(["idle connection, bytes", *[whole(value) for value in memory.values()]])
    return table(["processor time of the server", "floor", *shown], rows)


def plots(bench, figures, compared):
    servers = [name for name in figures.names("server") if name not in (FLOOR_AGAIN, JOINED_AGAIN)]

    def costs(over, chosen):
        return {server: [(getattr(load, over), cost) for load in chosen
                         if (cost := figures.median(server, load.name, "cpu_us"))] for server in servers}

    plain = [load for load in compared if load.workload == "fan_out" and not load.options]
    single = [load for load in plain if not load.burst]
    bursts = [load for load in plain if load.connections == 1_000]
    over_w = costs("window", bursts)
    over_w[JOINED] = [*over_w.get(FLOOR, [])[:1], *over_w.get(JOINED, [])]  # alone they do the same
    bench.write("cost-over-n.svg", svg.lines("One broadcast at a time: processor time per delivery", "subscribers (N)",
                                             "µs", costs("connections", single)))
    bench.write("cost-over-w.svg", svg.lines("Bursts to 1,000 subscribers: processor time per delivery",
                                             "broadcasts in flight (W)", "µs", over_w))
    for file, title, unit, load, fields in (
            ("memory.svg", "Memory of the server per idle connection", "bytes", "idle", {"": "memory"}),
            ("connect.svg", "Connect, handshake, close: processor time", "µs", "connect", {"": "cpu_us"}),
            ("latency.svg", "From publishing to one of 1,000 subscribers", "µs", LATENCY,
             {"p50": "p50_us", "p99": "p99_us", "p99.9": "p999_us"})):
        groups = {server: {part: value for part, field in fields.items()
                           if (value := figures.median(server, load, field))} for server in servers}
        bench.write(file, svg.bars(title, unit, {name: parts for name, parts in groups.items() if parts}))
