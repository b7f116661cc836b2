# SPDX-License-Identifier: MIT
"""Each link from one document to another leads to a file, and to a heading in it. Pages of the web are not asked."""
# Starts no program of the build.
import re
import unittest
from pathlib import Path

import house

LINK = re.compile(r"\]\(([^)\s]+)\)")


def without_code(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(page):
    """The names that a browser gives to the page's headings."""
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "").strip().lower()
             for heading in re.findall(r"^#+ (.*)$", without_code(page.read_text()), re.MULTILINE))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def broken(root):
    """The links that lead nowhere, each with its page."""
    pages = [*root.glob("*.md"), *(root / "docs").glob("*.md")]
    for page in sorted(pages):
        for link in LINK.findall(without_code(page.read_text())):
            if "://" in link or link.startswith("mailto:"):
                continue
            file, _, heading = link.partition("#")
            to = page.parent / file if file else page
            if not to.exists() or heading and to.suffix == ".md" and heading not in anchors(to):
                yield f"{page.relative_to(root)}: {link}"


class Links(unittest.TestCase):
    def test_each_link_between_documents_leads_somewhere(self):
        self.assertEqual(list(broken(house.ROOT)), [])

    def test_a_link_to_nothing_is_found(self):
        pages = {"README.md": "[a](docs/a.md) [b](docs/a.md#what-is-a) [c](docs/a.md#no) [d](docs/no.md) [e](https://e.org)",
                 "docs/a.md": "# A\n## What is `a`?\n"}
        with house.tree(pages) as root:
            self.assertEqual(list(broken(Path(root))), ["README.md: docs/a.md#no", "README.md: docs/no.md"])


if __name__ == "__main__":
    unittest.main(argv=["links"])
