# SPDX-License-Identifier: MIT
"""Each sentence with which Sluice throws stands in docs/troubleshooting.md, and no other one. Log lines and the codes of
an Error have the same in docs/codes.md (codes_test.py)."""
# Starts no program of the build.
import re
import unittest

import house

STRING = r'"(?:[^"\\]|\\.)*"'
THROW = re.compile(rf"\bthrow (?:\w+::)*\w+\(((?:{STRING}|[^;\"])*);")
JOINED = re.compile(rf"{STRING}(?:\s*{STRING})*")
WORDS = re.compile(r"[A-Za-z]{2}.*[A-Za-z]{2}")
ROW = re.compile(r"^\| (`.*?`) \|", re.MULTILINE)
QUOTED = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")  # code, also `` with ` in it ``


def sentence(literals):
    """C++ literals that stand behind each other, as one text; `{}` and `{0}` stand for a value."""
    text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals)).replace('\\"', '"').replace("\\n", " ")
    return re.sub(r"\{[^{}]*\}", "{}", text).strip()


def thrown(text):
    """The first sentence of each throw in a source."""
    text = re.sub(rf"({STRING})|//.*", lambda match: match[1] or "", text)
    for match in THROW.finditer(text):
        if found := JOINED.search(match[1]):
            if WORDS.search(said := sentence(found[0])):
                yield said


def all_thrown(root=house.ROOT):
    return {each for path in house.sources(root, "src", "include") for each in thrown(path.read_text())}


def explained(page):
    """The sentences in the first columns of the page's tables of exceptions."""
    part = page[page.index("## Exceptions"):]
    return {each.strip() for row in ROW.findall(part) for _, each in QUOTED.findall(row)}


class Errors(unittest.TestCase):
    def test_each_sentence_that_is_thrown_is_explained(self):
        page = (house.ROOT / "docs/troubleshooting.md").read_text()
        self.assertEqual(sorted(all_thrown() - explained(page)), [], "not in docs/troubleshooting.md")
        self.assertEqual(sorted(explained(page) - all_thrown()), [], "in docs/troubleshooting.md, and thrown nowhere")

    def test_a_sentence_is_read_as_the_compiler_reads_it(self):
        source = 'if (bad) throw std::invalid_argument(fmt::format("Host: \\"{:x}\\" is "\n    "no host", name));  // "not this"'
        self.assertEqual(list(thrown(source)), ['Host: "{}" is no host'])
        self.assertEqual(list(thrown("throw std::bad_alloc();")), [])

    def test_a_sentence_without_an_explanation_is_found(self):
        with house.tree({"src/core/a.cpp": 'void f() { throw std::logic_error("f: nobody explains this"); }'}) as root:
            self.assertEqual(all_thrown(house.Path(root)), {"f: nobody explains this"})


if __name__ == "__main__":
    if __import__("sys").argv[1:] == ["--list"]:
        print("\n".join(sorted(all_thrown())))
    else:
        unittest.main(argv=["errors"])
