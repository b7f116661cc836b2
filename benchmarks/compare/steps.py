# SPDX-License-Identifier: MIT
"""How many instructions a delivery takes in the server, and in which function: counted by callgrind, kernel excluded."""
import re
import subprocess
import tempfile
from pathlib import Path

from compare.figures import table
from compare.servers import Running, Server

CONNECTIONS = 500
FEW, MANY = 20, 60  # broadcasts; the difference of two runs is broadcasts alone
SHOWN = 0.5  # instructions per delivery: what takes less is told together


def counted(bench, messages, folder):
    """function -> its own instructions"""
    out = Path(folder, f"callgrind.{messages}")
    server = Server("Sluice under callgrind", [
        "valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", str(bench.programs / "server"), "--port",
        "{port}", "--threads", "1"])
    with Running(server) as running:
        subprocess.run(["taskset", "-c", "1", bench.programs / "load", "--port", str(running.port), "--connections",
                        str(CONNECTIONS), "--messages", str(messages), "--warm-up", "5", "--patience", "60"],
                       check=True, capture_output=True)
    told = subprocess.run(["callgrind_annotate", "--threshold=100", "--auto=no", out], capture_output=True, text=True,
                          check=True).stdout
    found = {}
    for line in told.splitlines():
        row = re.match(r"\s*([\d,]+) \([ \d.]+%\)\s+\S+?:(.*?)(?: \[(\S+)\])?$", line)
        if row:
            name = short(row[2])
            found[name] = found.get(name, 0) + int(row[1].replace(",", ""))
    return found


def short(function):
    """sluice::net::Shard::write_all()'2 -> net::Shard::write_all"""
    name = re.sub(r"^non-virtual thunk to ", "", function)
    name = re.sub(r"\(.*$|'\d+$", "", name)
    return name.replace("sluice::", "")


def measure(bench):
    with tempfile.TemporaryDirectory() as folder:
        bench.say("instructions of a delivery, under callgrind")
        few, many = (counted(bench, messages, folder) for messages in (FEW, MANY))
    deliveries = (MANY - FEW) * CONNECTIONS
    each = {name: (many[name] - few.get(name, 0)) / deliveries for name in many}
    shown = sorted(((cost, name) for name, cost in each.items() if cost >= SHOWN), reverse=True)
    rest = sum(each.values()) - sum(cost for cost, _ in shown)
    rows = [[f"`{name}`", f"{cost:.1f}"] for cost, name in shown]
    rows += [["everything else", f"{rest:.1f}"], ["**together**", f"**{sum(each.values()):.0f}**"]]
    bench.write("steps.md", f"""# Instructions of a delivery

User-space instructions for one delivery in `benchmarks/server` on sockets: {CONNECTIONS} subscribers of one group, 100
bytes, one broadcast at a time. What is paid once a broadcast (reading it, encoding it, waking) is spread over them.

{table(["function", "instructions"], rows)}""")
