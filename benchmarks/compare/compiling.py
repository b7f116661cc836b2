# SPDX-License-Identifier: MIT
"""What a user's file costs to compile, by what it includes."""
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

from compare.figures import table
from compare.servers import HERE

CONSUMER = """
class Echo : public sluice::Consumer {
  sluice::Task<> receive(const sluice::Message& message) override {
    send(message.kind(), message.data());
    return {};
  }
};
"""
FILES = {
    "nothing": "",
    "<string>, <vector>, <memory>": "#include <string>\n#include <vector>\n#include <memory>\n",
    "<sluice/consumer/consumer.hpp>, and a consumer": "#include <sluice/consumer/consumer.hpp>\n" + CONSUMER,
    "<sluice/sluice.hpp>, and a consumer": "#include <sluice/sluice.hpp>\n" + CONSUMER,
    "<asio.hpp>": "#include <asio.hpp>\n",
    "<boost/beast/websocket.hpp>": "#include <boost/beast/websocket.hpp>\n",
    "<boost/beast.hpp>": "#include <boost/beast.hpp>\n",
}
OPTIONS = ["-std=c++20", "-O2", "-DASIO_STANDALONE", f"-I{HERE.parent / 'include'}"]


def compile_once(source):
    """Processor seconds and the most memory, in MiB. The compiler proper is a child of the driver."""
    command = ["taskset", "-c", "0", "g++", *OPTIONS, "-c", str(source), "-o", str(source.with_suffix(".o"))]
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{source.read_text()}\ndoes not compile")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def measure(bench):
    found = {name: [] for name in FILES}
    with tempfile.TemporaryDirectory() as folder:
        for round in range(bench.rounds):
            bench.say(f"round {round + 1} of {bench.rounds}: compiling")
            for nth, (name, text) in enumerate(FILES.items()):
                source = Path(folder, f"file{nth}.cpp")
                source.write_text(text + "int main() {}\n")
                found[name].append(compile_once(source))
    medians = {name: [statistics.median(values) for values in zip(*runs)] for name, runs in found.items()}
    bench.write("compiling.json", json.dumps({name: {"seconds": seconds, "mib": memory} for name, (seconds, memory) in
                                              medians.items()}, indent=1) + "\n")
    rows = [[f"`{name}`" if name.startswith("<") else name, f"{seconds:.2f}", f"{memory:,.0f}"]
            for name, (seconds, memory) in medians.items()]
    bench.write("compiling.md", f"""# What a user's file costs to compile

`g++ {' '.join(OPTIONS[:2])} -c` of a file that includes this; processor seconds and the compiler's memory, medians of
{bench.rounds} rounds.

{table(["includes", "seconds", "MiB"], rows)}""")
