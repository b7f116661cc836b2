# SPDX-License-Identifier: MIT
"""The command line of benchmarks/run."""
import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from compare import (compiling, hostile, in_process, loads, machine, many, pages, redis, rivals, scaling,  # noqa: E402
                     stack, stalled, steps)

PARTS = {"rivals": rivals, "stack": stack, "scaling": scaling, "stalled": stalled, "hostile": hostile, "many": many,
         "compiling": compiling, "redis": redis, "in_process": in_process, "steps": steps}
QUICK = ("rivals", "stack", "compiling")
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Bench:
    programs: Path
    results: Path
    rounds: int
    share: float
    loads: list
    rivals: list
    connections: int
    seconds: int
    per_minute: int

    def say(self, words):
        print(words, file=sys.stderr, flush=True)

    def write(self, name, words):
        (self.results / name).write_text(words)


def arguments():
    parser = argparse.ArgumentParser(prog="benchmarks/run", description="Measures Sluice beside others.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of: {', '.join(PARTS)} (all)")
    parser.add_argument("--quick", action="store_true",
                        help="two minutes: one round, less of everything, written to build/quick; no page is changed")
    parser.add_argument("--rival", action="append", default=[], metavar="CMD",
                        help="one more server of /sub, /pub and /echo; {port} is replaced")
    parser.add_argument("--rounds", type=int, help="interleaved rounds, of which the medians are taken (3)")
    parser.add_argument("--share", type=float, help="of the usual work in each run, for slow machines (1)")
    parser.add_argument("--connections", type=int, default=100_000, help="for the part many (100000)")
    parser.add_argument("--seconds", type=int, default=30, help="for the part many (30)")
    parser.add_argument("--per-minute", type=int, default=60, help="broadcasts to all, for the part many (60)")
    parser.add_argument("--results", type=Path, help="the folder that tables and plots go to")
    parser.add_argument("--programs", type=Path, required=True, help=argparse.SUPPRESS)
    given = parser.parse_args()
    unknown = [part for part in given.parts if part not in PARTS]
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return given


def main():
    given = arguments()
    kept = ROOT / "benchmarks/results"
    results = given.results or (ROOT / "build/quick" if given.quick else kept)
    results.mkdir(parents=True, exist_ok=True)
    bench = Bench(given.programs, results, given.rounds or (1 if given.quick else 3),
                  given.share or (0.2 if given.quick else 1), loads.QUICK if given.quick else loads.COMPARED,
                  given.rival, given.connections, given.seconds, given.per_minute)
    before = machine.busy()
    for part in given.parts or (QUICK if given.quick else PARTS):
        began = time.monotonic()
        PARTS[part].measure(bench)
        bench.say(f"{part}: {time.monotonic() - began:.0f} s")
    bench.write("machine.md", machine.description(before))
    if results == kept:
        pages.fill_all(ROOT)
    bench.say(f"written to {results}")


if __name__ == "__main__":
    main()
