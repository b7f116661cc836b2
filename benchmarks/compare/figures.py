# SPDX-License-Identifier: MIT
"""Rows of runs, and the medians and ratios that are quoted from them."""
import json
import statistics


class Figures:
    """One row per run: server, load, round, and what the load generator found."""

    def __init__(self):
        self.rows = []

    def add(self, server, load, round, report):
        self.rows.append({"server": server, "load": load, "round": round, **report})

    def write(self, file):
        """As JSON, a run a line. Whole at any time: a run that is broken off leaves what it had."""
        file.write_text("[\n" + ",\n".join(json.dumps(row) for row in self.rows) + "\n]\n")

    def names(self, key):
        return list(dict.fromkeys(row[key] for row in self.rows))

    def all_of(self, server, load):
        return [row for row in self.rows if row["server"] == server and row["load"] == load]

    def of(self, server, load):
        """round -> row, of the runs that lost nothing."""
        return {row["round"]: row for row in self.all_of(server, load) if row["good"]}

    def lost(self, server, load):
        """The share of messages that did not arrive in time, if no run was good; otherwise None."""
        runs = self.all_of(server, load)
        if not runs or self.of(server, load):
            return None
        missing = sum(row["missing"] for row in runs)
        return missing / max(missing + sum(row["operations"] for row in runs), 1)

    def median(self, server, load, field):
        """The median over the rounds, or None."""
        values = [row[field] for row in self.of(server, load).values()]
        return statistics.median(values) if values else None

    def ratios(self, server, load, field, base):
        """The ratios to `base`, each in the same round, which had the same machine."""
        mine, theirs = self.of(server, load), self.of(base, load)
        return [mine[nth][field] / theirs[nth][field] for nth in mine if nth in theirs and theirs[nth][field] > 0]

    def ratio(self, server, load, field, base):
        """The median of the ratios, or None."""
        values = self.ratios(server, load, field, base)
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


def whole(value):
    return "" if value is None else f"{value:,.0f}"
