# SPDX-License-Identifier: MIT
"""Very many connections that say nothing, and a broadcast to all of them now and then."""
import json
import math
import resource
import subprocess
from contextlib import ExitStack

from compare.figures import table
from compare.servers import Running, sluice

SPARE = 200  # descriptors for all else


def measure(bench):
    """As few server processes as the descriptors allow: one, where one process may have enough."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    servers = math.ceil(bench.connections / (allowed - SPARE))
    each = bench.connections // servers
    reports = held(bench, servers, each)
    bench.write("many.json", json.dumps(reports, indent=1) + "\n")
    missing = sum(one["missing"] for one in reports)
    row = [f"{each * servers:,}", str(servers), f"{sum(one['operations'] for one in reports):,}", f"{missing:,}",
           *[f"{sum(one[field] for one in reports) / servers:,.0f}" for field in ("memory", "memory_after")],
           f"{sum(one['open_cpu_us'] for one in reports) / servers:.1f}",
           f"{sum(one['cpu_us'] for one in reports) / servers:.2f}",
           f"{max(one['p50_us'] for one in reports) / 1000:,.0f} / {max(one['p99_us'] for one in reports) / 1000:,.0f}"]
    why = "" if servers == 1 else (
        f" One process may have {allowed:,} descriptors here (`ulimit -Hn`), so {servers} servers held {each:,} each, "
        "each with a load generator of its own, on two processors together; each server's latency is also the others'.")
    bench.write("many.md", f"""# {each * servers:,} idle connections

Held on loopback for {bench.seconds:,} s, with {bench.per_minute} broadcasts of 100 bytes a minute to each of them.{why}

{table(["connections", "servers", "delivered", "missing", "bytes each, at first", "at the end", "µs to open one",
        "µs per delivery", "p50 / p99, ms, of the worst"], [row])}""")
    if missing:
        raise RuntimeError(f"{missing} deliveries are missing")


def held(bench, servers, each):
    with ExitStack() as stack:
        loading = []
        for nth in range(servers):
            bench.say(f"server {nth + 1} of {servers}: {each:,} connections")
            running = stack.enter_context(Running(sluice(bench.programs)))
            # 28,000 ports an address, so that four are enough for any one process.
            command = ["taskset", "-c", "1", bench.programs / "load", "--workload", "fan_out", "--port",
                       str(running.port), "--processes", running.ids, "--connections", str(each), "--warm-up", "2",
                       "--per-minute", str(bench.per_minute), "--messages",
                       str(max(1, bench.seconds * bench.per_minute // 60)), "--patience", "120",
                       "--settle-ms", str(15_000 if servers > 1 else 2_000), "--addresses",
                       str(math.ceil(each / 20_000) + 3)]
            loading.append(stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)))
        return [json.loads(process.communicate()[0]) for process in loading]
