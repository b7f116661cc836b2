# SPDX-License-Identifier: MIT
# Starts no program of the build.
"""Every number of a Stats struct is a metric, docs/observability.md has a row for each, and the dashboard asks for none
that is not there."""
import json
import re
import unittest

import house

HEADERS = house.ROOT / "include/sluice"
PAGE = house.ROOT / "docs/observability.md"
DASHBOARD = house.ROOT / "docs/grafana.json"
STRUCT = re.compile(r"^struct (?:SLUICE_API )?(\w+Stats) {(.*?)^};", re.M | re.S)
ROW = re.compile(r'observe::(counter|gauge)<&(\w+)::(\w+)>\(\s*"(\w+)",\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)')
NO_METRIC = {("ServerStats", "refused")}  # one for each status: add_labelled


def numbers():
    """struct -> (prefix, its members)"""
    found = {}
    for path in house.sources(house.ROOT, "include"):
        for name, body in STRUCT.findall(path.read_text()):
            prefix = re.search(r'metric_prefix = "(\w+)"', body)
            body = re.sub(r"//[^\n]*", "", body).split("static constexpr")[0]
            members = [part.split("=")[0].split()[-1] for part in body.split(";") if part.strip()]
            found[name] = (prefix and prefix.group(1), members)
    return found


def tables():
    """struct -> [(kind, member, name, help)]"""
    found = {}
    for path in house.sources(house.ROOT, "src"):
        if not path.name.endswith("_stats.cpp"):
            continue
        for kind, struct, member, name, help_text in ROW.findall(path.read_text()):
            text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', help_text))
            found.setdefault(struct, []).append((kind, member, name, text))
    return found


def metrics():
    """metric's whole name -> (kind, help)"""
    prefixes = numbers()
    return {f"{prefixes[struct][0]}_{name}": (kind, text)
            for struct, rows in tables().items() for kind, _, name, text in rows}


HISTOGRAM = re.compile(r'add_histogram\(\s*"(sluice_\w+)",\s*((?:"(?:[^"\\]|\\.)*"\s*)+),')


def histograms():
    """name -> help"""
    found = {}
    for path in house.sources(house.ROOT, "src"):
        for name, text in HISTOGRAM.findall(path.read_text()):
            found[name] = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text))
    return found


def rows_of_page():
    found = {}
    for line in PAGE.read_text().splitlines():
        match = re.match(r"\| `(sluice_\w+)` \| (\w+) \| (\w*) \| ([^|]*) \|$", line)
        if match:
            name = match[1].removesuffix("_total") if match[2] == "counter" else match[1]
            found[name] = (match[2], match[3], match[4])
    return found


class Metrics(unittest.TestCase):
    def test_every_number_of_a_stats_struct_is_a_metric(self):
        known = tables()
        self.assertGreaterEqual(len(numbers()), 6)
        for struct, (prefix, members) in numbers().items():
            self.assertTrue(prefix, struct)
            expected = {member for member in members if (struct, member) not in NO_METRIC}
            self.assertEqual({member for _, member, _, _ in known[struct]}, expected, struct)

    def test_names_and_meanings_are_whole(self):
        for name, (kind, text) in metrics().items():
            self.assertRegex(name, r"^sluice_[a-z_]+$")
            self.assertFalse(name.endswith("_total"), name)
            self.assertRegex(text, r"^[A-Z1].*\.$", name)

    def test_the_page_has_a_row_for_each(self):
        page = rows_of_page()
        labelled = {name for name in page if "status" in page[name][2] and name == "sluice_server_refused"}
        self.assertEqual(set(page) - labelled, set(metrics()) | set(histograms()))
        self.assertGreaterEqual(len(histograms()), 5)
        for name, text in histograms().items():
            self.assertEqual(page[name], ("histogram", name.rsplit("_")[-1], text), name)
        for name, (kind, text) in metrics().items():
            unit = "bytes" if name.endswith("_bytes") else ""
            self.assertEqual(page[name], (kind, unit, text), name)

    def test_the_dashboard_asks_for_metrics_that_are_there(self):
        board = json.loads(DASHBOARD.read_text())
        asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
        self.assertGreaterEqual(len(asked), 12)
        known = {f"{name}_total" if kind == "counter" else name for name, (kind, _) in metrics().items()}
        known.add("sluice_server_refused_total")
        known |= {f"{name}_{part}" for name in histograms() for part in ("bucket", "count", "sum")}
        for query in asked:
            named = set(re.findall(r"\bsluice_\w+", query))
            self.assertTrue(named, query)
            self.assertLessEqual(named, known, query)


if __name__ == "__main__":
    unittest.main(argv=["metrics"])
