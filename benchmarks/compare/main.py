# SPDX-License-Identifier: MIT
"""The command line of benchmarks/run."""
import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from compare import compiling, machine, many, rivals, scaling, stalled  # noqa: E402

PARTS = {"rivals": rivals, "scaling": scaling, "stalled": stalled, "many": many, "compiling": compiling}


@dataclass
class Bench:
    programs: Path
    results: Path
    repetitions: int
    share: float
    rivals: list
    connections: int
    seconds: int

    def say(self, words):
        print(words, file=sys.stderr, flush=True)

    def write(self, name, words):
        (self.results / name).write_text(words)


def main():
    parser = argparse.ArgumentParser(prog="benchmarks/run", description="Measures Sluice beside others.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of: {', '.join(PARTS)} (all)")
    parser.add_argument("--rival", action="append", default=[], metavar="CMD",
                        help="one more server of /sub, /pub and /echo; {port} is replaced")
    parser.add_argument("--repetitions", type=int, default=5, help="interleaved rounds (5)")
    parser.add_argument("--share", type=float, default=1, help="of the usual work in each run, for slow machines (1)")
    parser.add_argument("--connections", type=int, default=100_000, help="for the part many (100000)")
    parser.add_argument("--seconds", type=int, default=30, help="for the part many (30)")
    parser.add_argument("--programs", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--results", type=Path, required=True, help="the folder that tables and plots go to")
    given = parser.parse_args()
    unknown = [part for part in given.parts if part not in PARTS]
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")

    given.results.mkdir(parents=True, exist_ok=True)
    bench = Bench(given.programs, given.results, given.repetitions, given.share, given.rival, given.connections, given.seconds)
    busy_before = machine.busy()
    for part in given.parts or PARTS:
        PARTS[part].measure(bench)
    bench.write("machine.md", machine.description(busy_before))
    bench.say(f"written to {given.results}")


if __name__ == "__main__":
    main()
