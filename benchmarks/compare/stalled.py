# SPDX-License-Identifier: MIT
"""Does one subscriber who does not read slow the others down?"""
import resource

from compare import loads
from compare.figures import Figures, milliseconds, table, times
from compare.servers import Running, sluice


def measure(bench):
    connections = 10_000 if resource.getrlimit(resource.RLIMIT_NOFILE)[1] > 11_000 else 1_000
    compared = [loads.fan_out(connections, 1, 1_000_000, "--bytes", "1000", "--stalled", str(stalled),
                              name=f"{stalled} stalled") for stalled in (0, 1)]
    figures = Figures()
    for repetition in range(bench.repetitions):
        for load in compared:
            bench.say(f"round {repetition + 1} of {bench.repetitions}: {load.name}")
            with Running(sluice(bench.programs)) as running:
                report = loads.run(bench, load, running)
                if report:
                    figures.add("Sluice", load.name, repetition, report)
    rows = [[load.name, *[milliseconds(figures.median("Sluice", load.name, field))
                          for field in ("p50_us", "p99_us", "p999_us")],
             f"{figures.median('Sluice', load.name, 'cpu_us'):.2f}"] for load in compared]
    first, second = [figures.of("Sluice", load.name) for load in compared]
    ratios = sorted(second[nth]["p99_us"] / first[nth]["p99_us"] for nth in first if nth in second)
    bench.write("stalled.md", f"""# One reader who does not read, among {connections:,}

Broadcasts of 1,000 bytes, one at a time; {bench.repetitions} interleaved rounds, medians. p99 with the stalled reader to
p99 without, in the same round: {times(ratios[len(ratios) // 2])}.

{table(["readers", "p50, ms", "p99, ms", "p99.9, ms", "µs per delivery"], rows)}""")
