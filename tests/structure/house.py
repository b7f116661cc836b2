# SPDX-License-Identifier: MIT
"""What the structure tests know of the house: its sources, what they include, and the tables of docs/rooms.md."""
import os
import re
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SLUICE_BUILD_DIR", ROOT / "build" / "dev"))

CODE = {".hpp", ".cpp", ".py", ".mjs", ".js"}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def version(root=ROOT):
    """The numbers of project(sluice VERSION ...), as texts."""
    return re.search(r"project\(sluice VERSION ([\d.]+) ", (root / "CMakeLists.txt").read_text())[1].split(".")


def sources(root, *folders):
    """The source files of these folders, sorted; nothing that a tool has put there."""
    found = []
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in CODE and "node_modules" not in path.parts:
                found.append(path)
    return found


def includes(path):
    return INCLUDE.findall(path.read_text())


def tables(root=ROOT):
    """The tables of docs/rooms.md, each a list of rows, each a list of its cells."""
    found, inside = [], False
    for line in (root / "docs" / "rooms.md").read_text().splitlines():
        if line.startswith("|"):
            if not inside:
                found.append([])
            found[-1].append([cell.strip(" `") for cell in line.strip("|").split("|")])
        inside = line.startswith("|")
    return [table[2:] for table in found]


def listed(cell):
    return {word.strip() for word in cell.split(",") if word.strip()}


def rooms(root=ROOT):
    """room -> the rooms it may include."""
    return {room: listed(below) for room, _, below in tables(root)[0]}


def libraries(root=ROOT):
    """first word of a header -> the rooms that may include it."""
    return {headers: listed(where) for _, headers, where in tables(root)[1]}


def folders(root=ROOT):
    """room/folder -> the folders of this room that it may include; the room's name stands for its own files."""
    return {folder: listed(below) for folder, _, below in tables(root)[2]}


def library_of(header, root=ROOT):
    """The library that a header belongs to, by the first word of its path; None if it is not one of ours to watch."""
    word = re.split(r"[/.]", header, maxsplit=1)[0]
    return word if word in libraries(root) else None


def tree(files):
    """A temporary house with these files, for a test that must see a rule broken."""
    folder = tempfile.TemporaryDirectory()
    for name, text in files.items():
        path = Path(folder.name, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder
