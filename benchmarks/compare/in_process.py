# SPDX-License-Identifier: MIT
"""What the programs that need no sockets print, as they print it."""
import subprocess

PROGRAMS = ("handler_cost", "fanout", "frame_parser", "idle_memory", "idle_tls_memory", "compression")


def measure(bench):
    parts = []
    for program in PROGRAMS:
        bench.say(program)
        printed = subprocess.run(["taskset", "-c", "0", bench.programs / program], capture_output=True, text=True,
                                 check=True).stdout
        fenced = f"```\n{printed.rstrip()}\n```\n"
        parts.append(f"## {program}\n\n{fenced}")
        bench.write(f"{program}.md", f"# {program}\n\n{fenced}")
    bench.write("in_process.md", "# In one process\n\n" + "\n".join(parts))
