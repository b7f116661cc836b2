# SPDX-License-Identifier: MIT
"""Copies what was measured into the pages that quote it.

What stands between `<!-- results: NAME -->` and `<!-- end -->` is benchmarks/results/NAME without its title.
"""
import re

PAGES = ("README.md", "benchmarks/README.md", "docs/performance.md", "docs/production.md")
MARKED = re.compile(r"(<!-- results: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page, results):
    """The page with its figures; a part that was never measured leaves what is there."""
    def figures(found):
        file = results / found[2]
        if not file.exists():
            return found[0]
        text = re.sub(r"\A# .*\n+", "", file.read_text())
        return f"{found[1]}\n{text.rstrip()}\n\n{found[3]}"
    return MARKED.sub(figures, page)


def fill_all(root):
    for name in PAGES:
        page = root / name
        page.write_text(filled(page.read_text(), root / "benchmarks/results"))
