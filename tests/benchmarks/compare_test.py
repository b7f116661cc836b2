# SPDX-License-Identifier: MIT
"""How benchmarks/run makes ratios, tables and plots of what it measured."""
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

BENCHMARKS = Path(os.environ["SLUICE_SOURCE_DIR"], "benchmarks")
sys.path.insert(0, str(BENCHMARKS))

from compare import loads, pages, rivals, svg  # noqa: E402
from compare.figures import Figures, table, times  # noqa: E402
from compare.servers import FLOOR, FLOOR_AGAIN, Server, everyone  # noqa: E402


def row(cpu_us, good=True, operations=100, missing=0):
    return {"cpu_us": cpu_us, "good": good, "operations": operations, "missing": missing}


class Medians(unittest.TestCase):
    def setUp(self):
        self.figures = Figures()
        for repetition, (floor, ours) in enumerate(((1.0, 1.5), (10.0, 11.0), (2.0, 2.2))):
            self.figures.add("floor", "fan-out", repetition, row(floor))
            self.figures.add("ours", "fan-out", repetition, row(ours))

    def test_ratios_are_within_one_round(self):
        self.assertAlmostEqual(self.figures.ratio("ours", "fan-out", "cpu_us", "floor"), 1.1)
        self.assertAlmostEqual(self.figures.median("ours", "fan-out", "cpu_us"), 2.2)

    def test_a_run_with_losses_is_not_counted(self):
        self.figures.add("floor", "fan-out", 3, row(1.0))
        self.figures.add("ours", "fan-out", 3, row(0.1, good=False, missing=900))
        self.assertAlmostEqual(self.figures.ratio("ours", "fan-out", "cpu_us", "floor"), 1.1)
        self.assertIsNone(self.figures.lost("ours", "fan-out"))
        self.figures.add("theirs", "fan-out", 0, row(0.1, good=False, missing=900))
        self.assertAlmostEqual(self.figures.lost("theirs", "fan-out"), 0.9)
        self.assertIsNone(self.figures.median("theirs", "fan-out", "cpu_us"))

    def test_a_table_is_markdown(self):
        self.assertEqual(table(["a", "b"], [["1", times(1.234)], ["2", times(1234.5)]]),
                         "| a | b |\n|---|---|\n| 1 | × 1.23 |\n| 2 | × 1,234 |\n")


class Noise(unittest.TestCase):
    def test_noise_is_the_difference_of_the_same_program(self):
        figures = Figures()
        load = loads.fan_out(1_000)
        for round, (first, second) in enumerate(((1.0, 1.1), (2.0, 1.8), (3.0, 3.0))):
            figures.add(FLOOR, load.name, round, row(first))
            figures.add(FLOOR_AGAIN, load.name, round, row(second))
        words = rivals.noise_of(figures, [load])
        self.assertIn("between × 0.90 and × 1.10 of the first (× 1.00 to × 1.00", words)
        self.assertEqual(rivals.noise_of(Figures(), [load]), "The noise was not measured.")


class Pages(unittest.TestCase):
    def test_a_page_quotes_the_results(self):
        with tempfile.TemporaryDirectory() as folder:
            results = Path(folder)
            (results / "one.md").write_text("# Title\n\n| a |\n")
            page = "before\n<!-- results: one.md -->\n<!-- end -->\n<!-- results: two.md -->\nold\n<!-- end -->\n"
            once = pages.filled(page, results)
            self.assertEqual(once, "before\n<!-- results: one.md -->\n\n| a |\n\n<!-- end -->\n"
                                   "<!-- results: two.md -->\nold\n<!-- end -->\n")
            self.assertEqual(pages.filled(once, results), once)

    def test_pages_quote_the_committed_results(self):
        results = BENCHMARKS / "results"
        for name in pages.PAGES:
            page = (BENCHMARKS.parent / name).read_text()
            with self.subTest(name):
                self.assertTrue(pages.MARKED.search(page))
                self.assertTrue(pages.filled(page, results) == page, "benchmarks/run has not filled it")


class Plots(unittest.TestCase):
    def words(self, drawing):
        return [element.text for element in xml.fromstring(drawing).iter() if element.tag.endswith("text")]

    def test_charts_have_their_names_and_points(self):
        drawing = svg.lines("A & B", "N", "µs", {"one": [(1, 2.0), (100, 3.0)], "two": [(10, 0.5)], "none": []})
        for word in ("A & B", "N", "µs", "one", "two", "1", "10", "100"):
            self.assertIn(word, self.words(drawing))
        self.assertNotIn("none", self.words(drawing))
        self.assertEqual(drawing.count("<circle"), 3)

    def test_bars_have_their_numbers(self):
        drawing = svg.bars("Memory", "bytes", {"one": {"p50": 1234, "p99": 5}, "two": {"p50": 2_000_000, "p99": 0}})
        for word in ("one", "two", "1,234 bytes (p50)", "5 bytes (p99)", "2 M bytes (p50)"):
            self.assertIn(word, self.words(drawing))


class Commands(unittest.TestCase):
    def test_a_slow_server_gets_less_of_the_same_work(self):
        load = loads.fan_out(1_000, 16, 1_000_000)
        messages = [arguments[arguments.index("--messages") + 1] for arguments in (
            load.arguments(Server("fast", [], burst_pace=1), share=1), load.arguments(Server("slow", []), share=1),
            load.arguments(Server("slow", []), share=0.01))]
        self.assertEqual(messages, ["1000", "100", "16"])

    def test_a_further_server_can_be_added(self):
        found = {one.name: one.command for one in everyone(Path("nowhere"), ["./servers/mine --port {port}"])}
        self.assertEqual(found["mine"], ["./servers/mine", "--port", "{port}"])

    def test_a_slow_server_runs_heavy_loads_once(self):
        heavy, light = loads.fan_out(1_000, 16), loads.fan_out(1_000)
        asked = [Server("slow", [], slow=True).takes(load, round) for load in (heavy, light) for round in (0, 1)]
        self.assertEqual(asked, [True, False, True, True])

    def test_help_and_an_unknown_part(self):
        helped = subprocess.run([BENCHMARKS / "run", "--help"], capture_output=True, text=True, check=True)
        self.assertIn("benchmarks/run --quick", helped.stdout)
        wrong = subprocess.run([sys.executable, "-B", BENCHMARKS / "compare/main.py", "--programs", "x", "--results",
                                "y", "nonsense"], capture_output=True, text=True)
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("there is no part nonsense", wrong.stderr)


if __name__ == "__main__":
    unittest.main(argv=["compare"])
