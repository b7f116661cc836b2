# SPDX-License-Identifier: MIT
"""Very many connections that say nothing, and one broadcast a second to all of them."""
import json
import math
import resource
import subprocess
from contextlib import ExitStack

from compare.figures import table
from compare.servers import Running, sluice


def measure(bench):
    """As few server processes as the descriptors allow: one, where one process may have enough."""
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 200
    servers = math.ceil(bench.connections / descriptors)
    each = bench.connections // servers
    with ExitStack() as stack:
        loading = []
        for nth in range(servers):
            bench.say(f"server {nth + 1} of {servers}: {each:,} connections")
            running = stack.enter_context(Running(sluice(bench.programs)))
            # 28,000 ports an address, so that four are enough for any one process.
            command = ["taskset", "-c", "1", bench.programs / "load", "--workload", "fan_out", "--port",
                       str(running.port), "--processes", running.ids, "--connections", str(each), "--rate", "1",
                       "--warm-up", "2", "--messages", str(bench.seconds), "--patience", "120",
                       "--settle-ms", str(30_000 if servers > 1 else 2_000), "--addresses",
                       str(math.ceil(each / 20_000) + 3)]
            loading.append(stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)))
        reports = [json.loads(process.communicate()[0]) for process in loading]
    total = each * servers
    rows = [[f"{total:,}", str(servers), f"{sum(one['operations'] for one in reports):,}",
             f"{sum(one['missing'] for one in reports):,}",
             f"{sum(one['memory'] for one in reports) / servers:,.0f} / "
             f"{sum(one['memory_after'] for one in reports) / servers:,.0f}",
             f"{sum(one['cpu_us'] for one in reports) / servers:.2f}",
             f"{max(one['p50_us'] for one in reports) / 1000:,.0f} / {max(one['p99_us'] for one in reports) / 1000:,.0f}"]]
    bench.write("many.md", f"""# Many connections

{total:,} idle connections held on loopback, with one broadcast a second to each for {bench.seconds} s. One process may
have {descriptors + 200:,} descriptors here, so {servers} server process(es) held them, each with a load generator of its
own; all shared two processors. Latency is of the worst of them.

{table(["connections", "servers", "delivered", "missing", "bytes each, at first / at the end", "µs per delivery",
        "p50 / p99, ms"], rows)}""")
