# SPDX-License-Identifier: MIT
"""Sluice in other people's servers: one probe for all programs of examples/embedding."""
import os
import re
import ssl
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support.certificate import Certificate
from support.embedding_probe import failures_of
from support.example import program

FOLDER = Path(os.environ["SLUICE_SOURCE_DIR"]) / "examples/embedding"


PROGRAMS = {
    "Boost.Beast": ("embedding_beast",),
    "a plain epoll loop": ("embedding_epoll",),
    "an io_context of one's own with one thread": ("embedding_own_io_context", "--threads", "1"),
    "an io_context of one's own with four threads": ("embedding_own_io_context", "--threads", "4"),
    "cpp-httplib": ("embedding_httplib",),
}


class Embedding(unittest.TestCase):
    def test_each_program_does_what_the_probe_asks(self):
        built = {name: command for name, command in PROGRAMS.items() if program(command[0]).exists()}
        if left_out := PROGRAMS.keys() - built.keys():
            print("not built, because a library is not installed:", *left_out)
        # Each waits most of its time: for a client that reads nothing, and for the end.
        with Certificate() as certificate, ThreadPoolExecutor(16) as pool:
            trusting = ssl.create_default_context(cafile=certificate.chain)
            probes = {name: pool.submit(failures_of, *command) for name, command in built.items()}
            probes["a server that ends TLS"] = pool.submit(
                failures_of, "embedding_own_tls", *certificate.options, tls=trusting)
            failed = {name: probe.result() for name, probe in probes.items()}
        self.assertEqual(failed, {name: [] for name in probes})

    def test_boost_beast_needs_at_most_thirty_lines_of_glue(self):
        glue = re.search(r"  void hand_over\(\) \{\n.*?\n  \}\n", (FOLDER / "beast.cpp").read_text(), re.DOTALL)
        self.assertLessEqual(len(glue[0].splitlines()), 30)


if __name__ == "__main__":
    unittest.main(argv=["embedding"], verbosity=2)
