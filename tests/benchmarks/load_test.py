# SPDX-License-Identifier: MIT
"""The measuring stick itself: what it reports of a good server, and that it sees a bad one."""
import json
import os
import signal
import socket
import subprocess
import sys
import unittest
from pathlib import Path

PROGRAMS = Path(os.environ["SLUICE_BUILD_DIR"], "benchmarks")

# Loses every third message, and brings the next two in the wrong order.
BAD_SERVER = """
import asyncio, sys, websockets
subscribers, held = set(), []

async def serve(socket):
    path = socket.request.path if hasattr(socket, "request") else socket.path
    if path == "/sub":
        subscribers.add(socket)
        await socket.wait_closed()
    async for message in socket:
        held.append(message)
        if len(held) == 3:
            for late in (held[2], held[1]):
                websockets.broadcast(subscribers, late)
            held.clear()

async def main():
    async with websockets.serve(serve, "127.0.0.1", int(sys.argv[1])):
        await asyncio.Future()

asyncio.run(main())
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Served(unittest.TestCase):
    def serve(self, command):
        port = free_port()
        server = subprocess.Popen([str(word).replace("{port}", str(port)) for word in command],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait, 20)
        self.addCleanup(server.send_signal, signal.SIGTERM)
        while server.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                continue
        return port, server.pid

    def load(self, served, *options):
        port, process = served
        done = subprocess.run([PROGRAMS / "load", "--port", str(port), "--processes", str(process), "--settle-ms", "20",
                               *options], capture_output=True, text=True, timeout=120)
        return done.returncode, json.loads(done.stdout), done.stderr


class GoodServers(Served):
    def test_every_workload_is_done_in_full(self):
        for command in ([PROGRAMS / "server", "--port", "{port}", "--threads", "1"], [PROGRAMS / "floor", "{port}"],
                        [PROGRAMS / "floor", "{port}", "joined"]):
            served = self.serve(command)
            for options, operations in ((["--workload", "fan_out", "--connections", "20", "--messages", "30"], 600),
                                        (["--workload", "fan_out", "--connections", "10", "--messages", "200",
                                          "--window", "50", "--publishers", "4", "--bytes", "70000"], 2000),
                                        (["--workload", "fan_out", "--connections", "5", "--messages", "20", "--per-minute",
                                          "1000", "--stalled", "1"], 100),
                                        (["--workload", "echo", "--connections", "7", "--messages", "50"], 50),
                                        (["--workload", "connect", "--messages", "70"], 70),
                                        (["--workload", "idle", "--connections", "30"], 30)):
                with self.subTest(server=Path(command[0]).name, options=options):
                    status, report, _ = self.load(served, *options)
                    told = {key: report[key] for key in ("good", "operations", "missing", "disordered", "unknown",
                                                         "lost_connections")}
                    self.assertEqual(told, {"good": True, "operations": operations, "missing": 0, "disordered": 0,
                                            "unknown": 0, "lost_connections": 0})
                    self.assertEqual(status, 0)
            status, report, _ = self.load(served, "--workload", "fan_out", "--connections", "20", "--messages", "500")
            self.assertGreater(report["cpu_us"], 0)
            self.assertGreaterEqual(report["p99_us"], report["p50_us"])
            self.assertGreater(report["p50_us"], 0)


class Compressing(Served):
    def test_messages_arrive_compressed_either_way(self):
        for way in ("shared", "windows"):
            served = self.serve([PROGRAMS / "server", "--port", "{port}", "--threads", "1", "--compress", way])
            for options, operations in ((["--connections", "20", "--messages", "30", "--bytes", "2000"], 600),
                                        (["--workload", "echo", "--connections", "7", "--messages", "50", "--bytes",
                                          "70000"], 50)):
                with self.subTest(way=way, options=options):
                    status, report, _ = self.load(served, "--compress", *options)
                    self.assertEqual((status, report["good"], report["operations"]), (0, True, operations))

    def test_a_server_that_declines_is_reported(self):
        port, _ = self.serve([PROGRAMS / "server", "--port", "{port}", "--threads", "1", "--compress", "off"])
        done = subprocess.run([PROGRAMS / "load", "--port", str(port), "--compress"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("does not compress", done.stderr)


class BadServers(Served):
    def test_losses_and_disorder_are_counted(self):
        served = self.serve([sys.executable, "-c", BAD_SERVER, "{port}"])
        status, report, _ = self.load(served, "--connections", "2", "--messages", "30", "--warm-up", "0", "--window",
                                      "30", "--patience", "2")
        self.assertEqual(status, 1)
        self.assertFalse(report["good"])
        self.assertEqual((report["operations"], report["missing"]), (40, 20))
        self.assertGreater(report["disordered"], 0)

    def test_a_missing_server_is_reported(self):
        done = subprocess.run([PROGRAMS / "load", "--port", str(free_port())], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("Connection refused", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=["load"])
