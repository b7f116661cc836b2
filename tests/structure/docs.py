# SPDX-License-Identifier: MIT
"""docs.py PAGE.md OUT.cpp [LANGUAGE]: the page's ```cpp blocks, or those of the language, one after the other, as a
translation unit."""
import re
import sys

page, out, language = (*sys.argv[1:], "cpp")[:3]
text = open(page, encoding="utf-8").read()
blocks = []
for match in re.finditer(rf"^```{re.escape(language)}\n(.*?)^```$", text, re.M | re.S):
    line = text.count("\n", 0, match.start()) + 2
    blocks.append(f'#line {line} "{page}"\n{match.group(1)}')
if not blocks:
    sys.exit(f"{page}: it has no {language} block")
open(out, "w", encoding="utf-8").write("\n".join(blocks))
