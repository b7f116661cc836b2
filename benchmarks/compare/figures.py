# SPDX-License-Identifier: MIT
"""Rows of runs, and the medians and ratios that are quoted from them."""
import json
import statistics


class Figures:
    """One row per run: server, load, repetition, and what the load generator found."""

    def __init__(self, file=None):
        self.rows = []
        self.file = open(file, "w") if file else None

    def add(self, server, load, repetition, report):
        row = {"server": server, "load": load, "repetition": repetition, **report}
        self.rows.append(row)
        if self.file:
            print(json.dumps(row), file=self.file, flush=True)

    def names(self, key):
        return list(dict.fromkeys(row[key] for row in self.rows))

    def all_of(self, server, load):
        return [row for row in self.rows if row["server"] == server and row["load"] == load]

    def of(self, server, load):
        """repetition -> row, of the runs that lost nothing."""
        return {row["repetition"]: row for row in self.all_of(server, load) if row["good"]}

    def lost(self, server, load):
        """The share of messages that did not arrive in time, if no run was good; otherwise None."""
        runs = self.all_of(server, load)
        if not runs or self.of(server, load):
            return None
        missing = sum(row["missing"] for row in runs)
        return missing / max(missing + sum(row["operations"] for row in runs), 1)

    def median(self, server, load, field):
        """The median over the repetitions, or None."""
        values = [row[field] for row in self.of(server, load).values()]
        return statistics.median(values) if values else None

    def ratio(self, server, load, field, base):
        """The median of the ratios to `base` in the same repetition, which had the same machine; or None."""
        mine, theirs = self.of(server, load), self.of(base, load)
        values = [mine[nth][field] / theirs[nth][field] for nth in mine if nth in theirs and theirs[nth][field] > 0]
        return statistics.median(values) if values else None


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def microseconds(value):
    if value is None:
        return ""
    return f"{value:,.0f} µs" if value >= 100 else f"{value:.3g} µs"


def milliseconds(value):
    return "" if value is None else f"{value / 1000:,.3g}"


def times(value):
    if value is None:
        return ""
    return f"× {value:,.0f}" if value >= 10 else f"× {value:.2f}"
