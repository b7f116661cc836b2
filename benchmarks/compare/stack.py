# SPDX-License-Identifier: MIT
"""The same server plain, without its limits, compressing in two ways, and under TLS."""
import subprocess
import tempfile

from compare import loads
from compare.figures import Figures, microseconds, table, times, whole
from compare.servers import Running, sluice

PLAIN, AGAIN = "plain", "plain, again"
BYTES = ("--bytes", "1000")
IDLE = "idle"
LOADS = [loads.Load(IDLE, "idle", 0, 1_000, options=BYTES), loads.Load("echo", "echo", 30_000, options=BYTES),
         loads.fan_out(1_000, 1, 100_000, *BYTES), loads.fan_out(1_000, 16, 100_000, *BYTES)]


def variants(programs, folder):
    compress = ("--compress",)
    return [sluice(programs, 1, PLAIN),
            sluice(programs, 1, "without limits", "--without-limits"),
            sluice(programs, 1, "compressed, shared", "--compress", "shared", load_options=compress),
            sluice(programs, 1, "compressed, a window each", "--compress", "windows", load_options=compress),
            sluice(programs, 1, "TLS", *certificate(folder), load_options=("--tls",)),
            sluice(programs, 1, AGAIN)]


def certificate(folder):
    """A certificate of our own, as the server's options."""
    chain, key = f"{folder}/chain.pem", f"{folder}/key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", "/CN=localhost", "-days", "2", "-keyout", key, "-out", chain], check=True,
                   capture_output=True)
    return "--tls-certificate", chain, "--tls-key", key


def measure(bench):
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder:
        servers = variants(bench.programs, folder)
        for round in range(bench.rounds):
            for load in LOADS:
                bench.say(f"round {round + 1} of {bench.rounds}: {load.name} with 1,000 bytes")
                for server in servers:
                    with Running(server) as running:
                        report = loads.run(bench, load, running)
                    if report:
                        figures.add(server.name, load.name, round, report)
            figures.write(bench.results / "stack.json")
    bench.write("stack.md", f"""# What limits, compression and TLS cost

The same server and 1,000 bytes that resemble rows of a table; processor time of the server, medians of {bench.rounds}
interleaved rounds, × to the plain one of the same round. "{AGAIN}" is the same program once more: the noise. Memory is
user space for each of 1,000 connections, which share some 200 KB that a server has once: idle, and after they have been
written to once. The plain one counts and watches as every server does; only its rates are too high to be met. "without
limits" has what can be off turned off, and the others as wide as they go.

{table(["", *[load.name for load in LOADS[1:]], "bytes, idle", "bytes, after a fan-out"], rows_of(figures))}""")


def rows_of(figures):
    rows = []
    for server in figures.names("server"):
        row = [server]
        for load in LOADS[1:]:
            cost = microseconds(figures.median(server, load.name, "cpu_us"))
            ratio = times(figures.ratio(server, load.name, "cpu_us", PLAIN))
            row.append(cost if server == PLAIN else f"{cost} ({ratio})")
        row += [whole(figures.median(server, IDLE, "memory")),
                whole(figures.median(server, LOADS[2].name, "memory_after"))]
        rows.append(row)
    return rows
