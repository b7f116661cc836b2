# SPDX-License-Identifier: MIT
"""Two machines and a wire between them, as network namespaces: one is this process's, the other holds what is run `far`.

The wire can be cut so that no FIN and no RST tells anybody. Nothing here has a name that others could meet: a namespace
is gone with the last process in it, and these end with this one, however it ends.
"""
import json
import os
import subprocess
import sys

from support.example import PATIENCE, Example

NEAR, FAR = "10.99.0.1", "10.99.0.2"
NOBODY = "02:00:00:00:00:99"  # an address that no end of the wire has
INSIDE = "SLUICE_TEST_INSIDE"
SKIPPED = 77  # as tests/CMakeLists.txt tells ctest
END_WITH_US = ("setpriv", "--pdeathsig", "KILL")
PROBE = "ip link set lo up && ip link add near type veth peer name far && setpriv --pdeathsig KILL nsenter --net=/proc/self/ns/net true"


def enter_a_network_of_our_own():
    """Runs this program again in one; says so and ends it where that is not allowed."""
    if INSIDE in os.environ:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    reasons = []
    for how in ("-rn", "-n"):
        probed = subprocess.run(["unshare", how, "sh", "-c", PROBE], capture_output=True, text=True)
        if probed.returncode == 0:
            os.execvpe("unshare", ["unshare", how, sys.executable, *sys.argv], {**os.environ, INSIDE: "1"})
        reasons.append(f"unshare {how}: {probed.stderr.strip()}")
    print("skipped: no network of our own can be made here:", "; ".join(reasons))
    sys.exit(SKIPPED)


class Wire:
    """`with Wire() as wire: ...`, in a network of our own."""

    def __enter__(self):
        self.far_end = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo && exec cat"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.far_end.stdout.readline()  # it is in its network now
        run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(self.far_end.pid))
        self.mended_by = [("ip", "addr", "add", f"{NEAR}/24", "dev", "near"), ("ip", "link", "set", "near", "up"),
                          self.far("ip", "addr", "add", f"{FAR}/24", "dev", "far"),
                          self.far("ip", "link", "set", "lo", "up"), self.far("ip", "link", "set", "far", "up")]
        self.mend()
        return self

    def __exit__(self, *_):
        run("ip", "link", "del", "near")
        self.far_end.stdin.close()
        self.far_end.wait(PATIENCE)
        self.far_end.stdout.close()

    def far(self, *command):
        """The command that runs `command` at the other end."""
        return (*END_WITH_US, "nsenter", f"--net=/proc/{self.far_end.pid}/ns/net", *command)

    def pull(self):
        """The plug is out at the far end."""
        run(*self.far("ip", "link", "set", "far", "down"))
        self.mended_by = [self.far("ip", "link", "set", "far", "up")]

    def swallow(self):
        """Both ends are well, and what they send arrives nowhere."""
        both = (("near", FAR, lambda *command: command), ("far", NEAR, self.far))
        for device, other, at in both:
            run(*at("ip", "neigh", "replace", other, "lladdr", NOBODY, "nud", "permanent", "dev", device))
        self.mended_by = [at("ip", "neigh", "del", other, "dev", device) for device, other, at in both]

    def mend(self):
        for command in self.mended_by:
            run(*command)
        self.mended_by = []


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


class Redis:
    """A redis-server at port 6379 of a network of our own; `at` says where, as Wire.far does."""

    def __init__(self, at=lambda *command: (*END_WITH_US, *command)):
        self.at = at

    def __enter__(self):
        self.server = subprocess.Popen(self.at("redis-server", "--save", "", "--protected-mode", "no"), cwd="/tmp",
                                       stdout=subprocess.PIPE, text=True)
        for line in self.server.stdout:
            if "eady to accept connections" in line:
                return self
        raise AssertionError(f"redis-server ended with {self.server.wait()}")

    def __exit__(self, *_):
        self.server.kill()
        self.server.wait()
        self.server.stdout.close()

    def __call__(self, *words):
        """What redis-cli prints, at the server's end of the wire."""
        return run(*self.at("redis-cli", *words)).strip()


class Node(Example):
    """e2e_node with these options, each a keyword: `with Node(layer="core", redis=...) as node: ...`."""

    def __init__(self, **options):
        super().__init__("")
        words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        program = os.path.join(os.environ["SLUICE_BUILD_DIR"], "tests", "e2e", "e2e_node")
        self.command = [*END_WITH_US, program, "--host", NEAR, "--port", "0", "--threads", "2", "--stop-window", "0",
                        *words]

    def counted(self):
        return json.loads(self.request("GET", "/")[2])
