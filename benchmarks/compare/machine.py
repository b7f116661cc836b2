# SPDX-License-Identifier: MIT
"""What the figures were measured on."""
import os
import platform
import re
import resource
import subprocess
import time
from pathlib import Path


def output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout
    except OSError:
        return ""


def processor():
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def package(name):
    return output("dpkg-query", "-W", "-f", "${Version}", name) or "not a package"


def busy():
    """How many processors are in use just now, by whoever runs here: looked at for a second."""
    def worked():
        user, nice, system, _, _, irq, softirq = map(int, Path("/proc/stat").read_text().split()[1:8])
        return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
    before, began = worked(), time.monotonic()
    time.sleep(1)
    return (worked() - before) / (time.monotonic() - began)


def description(busy_before):
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) / 2 ** 20
    release = re.search(r'PRETTY_NAME="(.*)"', Path("/etc/os-release").read_text())
    rows = {
        "processor": f"{processor()}, {os.cpu_count()} cores",
        "memory": f"{memory:.0f} GiB",
        "system": f"{release[1] if release else platform.system()}, Linux {platform.release()}",
        "descriptors": f"{resource.getrlimit(resource.RLIMIT_NOFILE)[1]:,} for one process",
        "compiler": output("g++", "--version").splitlines()[0] + ", -O3",
        "Boost": package("libboost-dev"),
        "libwebsockets": package("libwebsockets-dev"),
        "Node": output("node", "--version").strip(),
        "Python": f"websockets {package('python3-websockets')}, uvicorn {package('python3-uvicorn')}, "
                  f"Channels {package('python3-django-channels')}, channels-redis {package('python3-channels-redis')}",
        "Redis": package("redis-server"),
        "in use by others": f"{busy_before:.1f} processors before, {busy():.1f} after",
    }
    lines = ["# The machine", ""] + [f"- {name}: {value}" for name, value in rows.items()]
    if busy_before > 0.2:
        lines += ["", "Others worked on this machine meanwhile. Runs were interleaved, so that they all had it equally "
                      "bad: the ratios hold, the absolute times are too high, and latencies say little."]
    return "\n".join(lines) + "\n"
