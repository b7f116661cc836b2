# SPDX-License-Identifier: MIT
"""Compares docs/behaviour.md and docs/redis.md with the tags of the tests: `tests/run --spec`.

An item is fine with a test that carries its number, or with a reason. Everything else is listed, and ends in exit 1.
"""
import json
import re
import sys

import house

SECTIONS = "SC|MW|LC|DI|CL|CC|PT|BT|FE|TH|R|I"
PAGES = ("docs/behaviour.md", "docs/redis.md")
TAG = re.compile(rf"\[((?:{SECTIONS})-\d+)\]")
ROW = re.compile(rf"^\|\s*((?:{SECTIONS})-\d+)\s*\|\s*(.+?)\s*\|\s*(.*?)\s*\|$", re.MULTILINE)
CPP_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')


def items(root):
    """item -> what the last column says; an item that stands twice is an error."""
    found = {}
    for page in PAGES:
        for item, _, verdict in ROW.findall((root / page).read_text()):
            if item in found:
                raise SystemExit(f"{page}: {item} stands there twice")
            found[item] = verdict
    return found


def tags(root):
    """item -> the test files that carry its tag."""
    found = {}
    for path in house.sources(root, "tests"):
        if not path.stem.endswith(("_test", "_suite")):
            continue
        text = path.read_text()
        if path.suffix in (".cpp", ".hpp"):  # a tag is part of a test's declaration, not of a comment
            text = "\n".join(CPP_STRING.findall(text))
        for item in TAG.findall(text):
            found.setdefault(item, set()).add(str(path.relative_to(root)))
    # Scenarios are played by the tests of both clients; other items of theirs are the clients' own.
    for path in sorted((root / "clients" / "scenarios").glob("*.json")):
        for item in json.loads(path.read_text())["items"]:
            if re.fullmatch(rf"(?:{SECTIONS})-\d+", item):
                found.setdefault(item, set()).add(str(path.relative_to(root)))
    return found


def complaints(root):
    table, tagged = items(root), tags(root)
    found = []
    for item, verdict in table.items():
        if item in tagged:
            if verdict != "tested":
                found.append(f"{item}: there is a test in {min(tagged[item])}, the table gives a reason for having none")
        elif verdict == "tested":
            found.append(f"{item}: the table says tested, no test carries [{item}]")
        elif not verdict:
            found.append(f"{item}: neither a test nor a reason")
    for item in sorted(set(tagged) - set(table)):
        found.append(f"{item}: tagged in {min(tagged[item])}, but not in the table")
    return found


def main():
    found = complaints(house.ROOT)
    table = items(house.ROOT)
    for complaint in found:
        print(complaint)
    reasons = sum(verdict != "tested" for verdict in table.values())
    print(f"{len(table)} items of behaviour: {len(table) - reasons} to be tested, {reasons} with a reason, "
          f"{len(found)} open")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
