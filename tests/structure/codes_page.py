# SPDX-License-Identifier: MIT
# Starts no program of the build.
"""docs/codes.md: every close code, HTTP status, ErrorCode, log line, counter and limit on one page.

What happens stands in the sources and in the metrics' help, and is read from there. Cause, remedy and test stand in
docs/codes/*.toml. `codes_page.py` prints the page; `codes_page.py --write` puts it into docs/codes.md.
"""
import bisect
import functools
import re
import sys
import tomllib

import house
import limits_test
import metrics_test
import shown_by_test

PAGE = "docs/codes.md"
TEXTS = "docs/codes"
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
COMMENT = re.compile(r"(?m)//.*$")


SHOWN_OTHERWISE = {"sluice_host_missed_events"}  # the test sees that the connection of a missed event is closed
NO_FUNCTIONS = {"if", "for", "while", "switch", "return", "static_assert", "namespace", "template", "requires"}


class Source:
    """A source file without its comments. `symbol(at)` is the function that a place stands in."""

    def __init__(self, root, path):
        self.name = path.relative_to(root).as_posix()
        self.text = COMMENT.sub("", path.read_text())

    def call(self, at):
        """The text from `at` to the end of the call that begins there."""
        depth, inside, place = 0, False, self.text.index("(", at)
        while True:
            char = self.text[place]
            if inside:
                place += char == "\\"
                inside = char != '"'
            elif char == '"':
                inside = True
            else:
                depth += (char in "({[") - (char in ")}]")
            place += 1
            if depth == 0:
                return self.text[at:place]

    def symbol(self, at):
        """The function, with its class, in which the text at this place stands."""
        last = bisect.bisect_right(self.outer(), (at, "~"))
        if not last:
            return None
        begin, kind, name = self.outer()[last - 1]
        if kind == "class":
            inner = [found for found in self.inner() if begin < found[0] <= at]
            return f"{name}::{inner[-1][2]}" if inner else name
        return name

    @functools.cache
    def outer(self):
        return list(self.scopes(""))

    @functools.cache
    def inner(self):
        return list(self.scopes("  "))

    def scopes(self, indent):
        """The classes and functions that begin at this indent: their place, kind and name."""
        place = 0
        for line in self.text.split("\n"):
            if found := re.match(rf"{indent}(?:class|struct) (?:SLUICE_\w+ )?(\w+)", line):
                yield place, "class", found[1]
            elif re.match(rf"{indent}[\w:~<\[].*\(", line) and (indent or not line.rstrip().endswith(";")):
                name = self.function(line)
                if name and name not in NO_FUNCTIONS:
                    yield place, "function", name
            place += len(line) + 1

    @staticmethod
    def function(line):
        before = re.split(r"[({]", line, maxsplit=1)[0].split()
        return before[-1].lstrip("*&") if before and re.search(r"[\w~]$", before[-1]) else None


class Found:
    """A line that emits something: the words that it has, and where it stands."""

    def __init__(self, source, at, key, text="", level=""):
        self.file, self.symbol = source.name, source.symbol(at)
        self.key, self.text, self.level = key, text, level

    def link(self):
        return f"[{self.file.split('/')[-1]}](../{self.file}) `{self.symbol}`"


@functools.cache
def sources(root):
    """The library without its testing room, which only plays the part of a transport or a bus."""
    return [Source(root, path) for path in house.sources(root, "src", "include") if "testing" not in path.parts]


def literal(text):
    return "".join(STRING.findall(text))


def close_codes(root, found):
    header = (root / "include/sluice/core/close_reason.hpp").read_text()
    codes = dict(re.findall(r"inline constexpr std::uint16_t (\w+) = (\d+);", header))
    emitted = []
    for source in found:
        for match in re.finditer(r"close_code::(\w+)(,\s*(\"(?:[^\"\\]|\\.)*\"))?", source.text):
            line = source.text[source.text.rfind("\n", 0, match.start()):match.start()]
            if not re.search(r"case |[!=]= ?$|using namespace", line) and source.name != "include/sluice/core/close_reason.hpp":
                emitted.append(Found(source, match.start(), match[1], literal(match[3] or "")))
    return codes, emitted


def error_codes(root, found):
    header = (root / "include/sluice/core/error.hpp").read_text()
    body = COMMENT.sub("", re.search(r"enum class ErrorCode[^{]*{(.*?)};", header, re.S)[1])
    codes = re.findall(r"\w+", body)
    emitted = []
    for source in found:
        for match in re.finditer(r"ErrorCode::(\w+)", source.text):
            line = source.text[source.text.rfind("\n", 0, match.start()):match.start()]
            if not re.search(r"case |[!=]= ?$", line):
                emitted.append(Found(source, match.start(), match[1]))
    return codes, emitted


STATUS = re.compile(
    r"(?:\b(?:refuse|refused|Refusal|HttpResponse|Denial|response_status|count_refusal)[({]\{?\s*|return \{|"
    r"\b(?:close|shut)\((?:[^()]|\([^()]*\))*?,\s*|client\(\)\.close\(reason, |http/1\.1 |shut\(reason, |close\(reason, )"
    r"(\d{3})\b(?:,\s*(\"(?:[^\"\\]|\\.)*\"(?:\s*\"(?:[^\"\\]|\\.)*\")*))?", re.I)


def statuses(found):
    emitted = []
    for source in found:
        if source.name.startswith("include/"):
            continue
        text = source.text
        for name, number in re.findall(r"constexpr int (http_\w+) = (\d{3});", text):
            text = re.sub(rf"\b{name}\b(?! =)", number, text)
        places = Source.__new__(Source)
        places.name, places.text = source.name, text
        for match in STATUS.finditer(text):
            emitted.append(Found(places, match.start(), match[1], literal(match[2] or "").removesuffix("\\n")))
    return emitted


LOG = re.compile(r"(?<![\w.>:])log\(|\bwrite\(\s*(?=LogLevel)|(?<!void )\blog_failure\(|(?<!void )\babort_with\(")
LEVELS = {"abort_with(": "error, then the program ends"}
PLUMBING = {"src/core/abort_with.hpp", "src/core/log.cpp", "src/core/failure.cpp", "src/core/failure.hpp", "include/sluice/core/log.hpp",
            "include/sluice/core/log_throttle.hpp"}


def log_lines(found):
    emitted = []
    for source in found:
        if source.name in PLUMBING:
            continue
        for match in LOG.finditer(source.text):
            call = source.call(match.start())
            level = re.search(r"LogLevel::(\w+)", call)
            text = call
            if call.startswith("write"):  # the subject comes first
                text = re.sub(r'^write\(\s*LogLevel::\w+,\s*(?:"[^"]*"|[\w.()]+)\s*,', "", call)
            emitted.append(Found(source, match.start(), None, literal(text).replace('\\"', '"'), level[1] if level else LEVELS.get(match[0], "error")))
    return emitted


def counted(found, room, member, pattern):
    """Where a number changes. `pattern` is what the texts say, for one that changes under another name."""
    default = (rf"count\([^;]*\b{member}_?\b|\+\+[\w.>()-]*\b{member}_?\b|\b{member}_?(?:\(\))?(?:\.add\(|\.fetch_add\(|\.set\(| \+=|\+\+)|"
               rf"\.{member} \+?= |\.{member}\.add\(")
    wanted = re.compile(re.escape(pattern) + (r"\b" if pattern[-1].isalnum() else "") if pattern else default)
    here = []
    for source in found:
        if source.name.startswith("include/") or source.name.endswith("_stats.cpp"):
            continue
        if pattern or source.name.startswith(f"src/{room}/"):
            for match in wanted.finditer(source.text):
                start = source.text.rfind("\n", 0, match.start()) + 1
                if not re.match(r"\s*sum\.", source.text[start:]):
                    here.append(Found(source, match.start(), member))
    counting = [place for place in here if not place.symbol.endswith(("stats", "add_to"))]
    return counting or here


def rooms_of_stats(root):
    """struct -> the room that its header stands in"""
    return {name: path.relative_to(root).parts[2] for path in house.sources(root, "include")
            for name, _ in metrics_test.STRUCT.findall(path.read_text())}


@functools.cache
def tests_by_name(root):
    """A test's name -> the files that have it"""
    found = {}
    for path in house.sources(root, "tests"):
        if path.suffix in shown_by_test.TESTS:
            text = path.read_text()
            for name in shown_by_test.TESTS[path.suffix].findall(text):
                found.setdefault(literal(name) or name, []).append(text)
    return found


def texts(root):
    """What the tables of docs/codes say, by their names."""
    return {path.stem: tomllib.loads(path.read_text()) for path in sorted((root / TEXTS).glob("*.toml"))}


def cell(text):
    return " ".join(str(text).split()).replace("|", "\\|")


def links(places):
    seen = {}
    for place in places:
        seen.setdefault((place.file, place.symbol), place)
    return ", ".join(place.link() for place in seen.values())


def tests(entry):
    named = entry.get("test", "")
    return ", ".join(f"`{name}`" for name in ([named] if isinstance(named, str) else named))


def row(*cells):
    return "| " + " | ".join(cell(text) for text in cells) + " |\n"


def table(*names):
    return row(*names) + "|" + "---|" * len(names) + "\n"


class Page:
    """The page's text, and what is wrong with it."""

    def __init__(self, root, entries):
        self.root, self.found, self.entries = root, sources(root), entries
        self.tests = tests_by_name(root)
        self.text, self.complaints = "", []
        self.metrics = metrics_test.metrics()
        for part in (self.head, self.closes, self.statuses, self.errors, self.logs, self.counters, self.limits):
            self.text += part()

    def complain(self, what):
        self.complaints.append(what)

    def matched(self, kind, names, entries, *keys):
        """Complains of names without an entry, entries without a name, and entries that lack a text or a test."""
        for name in sorted(set(names) - set(entries)):
            self.complain(f"{kind} {name} has no entry in {TEXTS}")
        for name in sorted(set(entries) - set(names)):
            self.complain(f"{kind} {name} has an entry in {TEXTS}, and nothing emits it")
        for name, entry in entries.items():
            for key in keys:
                if not entry.get(key):
                    self.complain(f"{kind} {name} has no {key}")
            named = entry.get("test", "")
            for test in [named] if isinstance(named, str) else named:
                if test and test not in self.tests:
                    self.complain(f'{kind} {name}: there is no test "{test}"')
        return [name for name in names if name in entries]

    def shown(self, kind, name, entry, *words):
        """Complains if no file of the named tests has one of these words."""
        named = entry.get("test", "")
        files = [text for test in ([named] if isinstance(named, str) else named) for text in self.tests.get(test, [])]
        if files and not any(re.search(rf"\b{word}\b", text) for word in words for text in files):
            self.complain(f"{kind} {name}: its tests do not mention it")

    @staticmethod
    def head():
        return ("# Codes\n\n"
                "<!-- Written by tests/structure/codes_page.py --write from docs/codes/*.toml and the sources. -->\n\n"
                "Everything that Sluice reports to clients, callers and operators: [close codes](#close-codes),\n"
                "[HTTP statuses](#http-statuses), [error codes](#error-codes), [log lines](#log-lines), "
                "[counters](#counters),\n[limits](#limits) and [bounds of a layer](#bounds-of-a-layer). Each row names the "
                "function that emits it and a test\nthat shows it. A structure test fails when a row is missing, and when "
                "this page is not up to date.\n")

    def closes(self):
        codes, emitted = close_codes(self.root, self.found)
        entries = self.entries["close_codes"]
        page = ("\n## Close codes\n\nWebSocket close codes (RFC 6455 section 7.4) that the library sends or reports. "
                "An application may send any code of\n1000 to 1014 but 1004, 1005 and 1006, and of 3000 to 4999: "
                "`may_be_sent()` in [close_reason.hpp](../include/sluice/core/close_reason.hpp).\n\n"
                + table("code", "meaning", "cause", "remedy", "emitted by, with its text", "shown by"))
        for name in self.matched("close code", codes, entries, "meaning", "cause", "remedy", "test"):
            entry = entries[name]
            places = [place for place in emitted if place.key == name]
            for pattern in entry.get("also", []):
                places += self.places(pattern)
            if not places:
                self.complain(f"nothing emits close code {name}")
            self.shown("close code", name, entry, codes[name], name)
            said = "; ".join(links([place]) + (f' "{place.text}"' if place.text else "") for place in unique(places))
            page += row(f"{codes[name]} `{name}`", entry.get("meaning", ""), entry.get("cause", ""), entry.get("remedy", ""), said, tests(entry))
        return page

    def statuses(self):
        emitted, entries = statuses(self.found), self.entries["statuses"]
        page = ("\n## HTTP statuses\n\nStatuses that the library answers by itself. The application may answer others.\n\n"
                + table("status", "meaning", "cause", "remedy", "emitted by, with its text", "shown by"))
        names = sorted({place.key for place in emitted} | {name for name, entry in entries.items() if entry.get("also")})
        for name in self.matched("status", names, entries, "meaning", "cause", "remedy", "test"):
            entry = entries[name]
            places = [place for place in emitted if place.key == name]
            for pattern in entry.get("also", []):
                places += self.places(pattern)
            self.shown("status", name, entry, name)
            said = "; ".join(links([place]) + (f' "{place.text}"' if place.text else "") for place in unique(places))
            page += row(name, entry.get("meaning", ""), entry.get("cause", ""), entry.get("remedy", ""), said, tests(entry))
        return page

    def errors(self):
        codes, emitted = error_codes(self.root, self.found)
        entries = self.entries["errors"]
        page = ("\n## Error codes\n\nThe codes of an `Error`. Its context says what was being done, and to what.\n\n"
                + table("code", "meaning", "cause", "remedy", "returned by", "shown by"))
        for name in self.matched("error code", codes, entries, "meaning", "cause", "remedy", "test"):
            entry = entries[name]
            places = [place for place in emitted if place.key == name]
            if not places:
                self.complain(f"nothing returns error code {name}")
            self.shown("error code", name, entry, name)
            page += row(f"`{name}`", entry.get("meaning", ""), entry.get("cause", ""), entry.get("remedy", ""), links(places), tests(entry))
        return page

    def logs(self):
        emitted, entries = log_lines(self.found), self.entries["log_lines"]
        page = ("\n## Log lines\n\nEach line as the source has it; `{}` stands for a value.\n\n"
                + table("line", "level", "cause", "remedy", "logged by", "shown by"))
        self.matched("log line", entries, entries, "cause", "remedy", "test")
        used = set()
        for place in emitted:
            fits = [name for name, entry in entries.items()
                    if (entry["line"] in place.text if "line" in entry else entry.get("in") == place.symbol)]
            if len(fits) != 1:
                self.complain(f"log line {place.text!r} of {place.file} {place.symbol} has {len(fits)} entries in {TEXTS}")
                continue
            used.update(fits)
            entry = entries[fits[0]]
            shown = entry.get("reads") or place.text
            page += row(f"`{shown.replace('`', chr(39))}`", place.level, entry.get("cause", ""), entry.get("remedy", ""), links([place]),
                        tests(entry))
        for name in sorted(set(entries) - used):
            self.complain(f"log line {name} has an entry in {TEXTS}, and nothing logs it")
        return page

    def counters(self):
        entries, rooms = self.entries["counters"], rooms_of_stats(self.root)
        prefixes = metrics_test.numbers()
        page = ("\n## Counters\n\nEvery metric of [observability.md](observability.md). A gauge is what is so now; a counter "
                "only grows. Those without a remedy\nare amounts of ordinary work.\n\n"
                + table("metric", "meaning", "remedy", "counted by", "shown by"))
        members = {f"{prefixes[struct][0]}_{name}": (struct, member)
                   for struct, rows in metrics_test.tables().items() for _, member, name, _ in rows}
        for name in self.matched("counter", self.metrics, entries, "test"):
            entry = entries[name]
            struct, member = members[name]
            places = []
            for pattern in entry.get("counted", [None]):
                places += counted(self.found, entry.get("room", rooms[struct]), member, pattern)
            if not places:
                self.complain(f"nothing counts {name}")
            if name not in SHOWN_OTHERWISE:
                self.shown("counter", name, entry, member)
            page += row(f"`{name}`", self.metrics[name][1], entry.get("remedy", "–"), links(places), tests(entry))
        return page

    def limits(self):
        entries = self.entries["limits"]
        page = ("\n## Limits\n\nDefaults and what happens past each limit are from [limits.md](limits.md), which explains "
                "them.\n\n" + table("limit", "default", "past it", "counter", "remedy", "enforced by", "shown by"))
        names = {f"{struct}.{name}": (name, cells) for struct in limits_test.STRUCTS
                 for name, cells in limits_test.rows(struct).items()}
        entries = {f"{struct}.{name}": entry for struct, rows in entries.items() for name, entry in rows.items()}
        for full in self.matched("limit", names, entries, "remedy"):
            name, cells = names[full]
            places = [Found(source, match.start(), name) for source in self.found
                      if source.name.startswith("src/") and not source.name.startswith("src/transport/")
                      for match in re.finditer(rf"imits\w*(?:\(\))?(?:\.|->){name}\b", source.text)]
            for pattern in entries[full].get("also", []):
                places += self.places(pattern)
            if not places:
                self.complain(f"nothing reads limit {full}")
            page += row(f"`{full.replace('.', '::')}`", cells[1], cells[2], cells[3], entries[full].get("remedy", ""), links(places),
                        f"`{cells[4]}`")
        return page + self.layer_bounds()

    def layer_bounds(self):
        """The bounds of channel layers, which docs/limits.md has in a table of its own."""
        page = "\n## Bounds of a layer\n\n" + table("bound", "default", "past it", "counter", "shown by")
        part = (self.root / "docs/limits.md").read_text().split("## The bounds of a layer\n")[1].split("\n## ")[0]
        rows = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("| ") and line.count("|") == 6]
        if len(rows) < 5:
            self.complain("docs/limits.md has no table of the bounds of a layer")
        for bound, default, past, counter, test in rows[1:]:
            if test.strip() not in self.tests:
                self.complain(f'bound {bound.strip()}: there is no test "{test.strip()}"')
            page += row(bound, default, past, counter, f"`{test.strip()}`")
        return page

    def places(self, pattern):
        file, text = pattern.split(": ", 1)
        for source in self.found:
            if source.name == file and text in source.text:
                return [Found(source, source.text.index(text), None, literal(text))]
        self.complain(f"{file} has no {text!r}")
        return []


def unique(places):
    seen = {}
    for place in places:
        seen.setdefault((place.file, place.symbol, place.text), place)
    return list(seen.values())


def main():
    page = Page(house.ROOT, texts(house.ROOT))
    for what in page.complaints:
        print(what, file=sys.stderr)
    if "--write" in sys.argv:
        (house.ROOT / PAGE).write_text(page.text)
    elif not page.complaints:
        print(page.text, end="")
    return bool(page.complaints)


if __name__ == "__main__":
    sys.exit(main())
