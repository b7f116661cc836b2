# SPDX-License-Identifier: MIT
"""Does one subscriber who does not read slow the others down?"""
import resource
from pathlib import Path

from compare import loads
from compare.figures import Figures, milliseconds, table, times
from compare.servers import Running, sluice

BYTES, MESSAGES = 20_000, 500
QUEUE_LIMIT = 4 << 20  # Limits::queued_bytes, as the server has it


def kernel_buffer():
    """The most that the kernel takes for one socket: until then nobody notices a reader who does not read."""
    return int(Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[2])


def measure(bench):
    if BYTES * MESSAGES <= kernel_buffer() + QUEUE_LIMIT:
        raise RuntimeError("the kernel's buffers could hold all that is sent: nothing would stall")
    connections = 10_000 if resource.getrlimit(resource.RLIMIT_NOFILE)[1] > 11_000 else 1_000
    compared = [loads.fan_out(connections, 1, 0, "--bytes", str(BYTES), "--stalled", str(stalled), "--messages",
                              str(MESSAGES), name=f"{stalled} stalled") for stalled in (0, 1)]
    figures = Figures()
    for repetition in range(bench.repetitions):
        for load in compared:
            bench.say(f"round {repetition + 1} of {bench.repetitions}: {load.name}")
            with Running(sluice(bench.programs)) as running:
                report = loads.run(bench, load, running)
                if report:
                    figures.add("Sluice", load.name, repetition, report)
    without, beside = [figures.of("Sluice", load.name) for load in compared]
    ratios = sorted(beside[nth]["p99_us"] / without[nth]["p99_us"] for nth in without if nth in beside)
    rows = [[load.name, *[milliseconds(figures.median("Sluice", load.name, field))
                          for field in ("p50_us", "p99_us", "p999_us")],
             f"{figures.median('Sluice', load.name, 'cpu_us'):.2f}"] for load in compared]
    bench.write("stalled.md", f"""# One reader who does not read, among {connections:,}

{MESSAGES} broadcasts of {BYTES:,} bytes, one at a time: more for the stalled reader than the kernel's largest send
buffer ({kernel_buffer():,} bytes) and Sluice's queue ({QUEUE_LIMIT:,}) hold together, so it is cut off on the way. Medians
of {bench.repetitions} interleaved rounds. p99 of the others with it to p99 without, in the same round:
{', '.join(times(ratio) for ratio in ratios)}.

{table(["readers", "p50, ms", "p99, ms", "p99.9, ms", "µs per delivery"], rows)}""")
