# SPDX-License-Identifier: MIT
"""docs.py PAGE.md OUT.cpp: the page's ```cpp blocks, one after the other, as a translation unit."""
import re
import sys

page, out = sys.argv[1:]
text = open(page, encoding="utf-8").read()
blocks = []
for match in re.finditer(r"^```cpp\n(.*?)^```$", text, re.M | re.S):
    line = text.count("\n", 0, match.start()) + 2
    blocks.append(f'#line {line} "{page}"\n{match.group(1)}')
if not blocks:
    sys.exit(f"{page}: it has no cpp block")
open(out, "w", encoding="utf-8").write("\n".join(blocks))
