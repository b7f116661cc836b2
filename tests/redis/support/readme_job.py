# SPDX-License-Identifier: MIT
"""readme_job.py README.md OUT.cpp: README's C++ blocks, word for word, as a program that runs nightly_job(). Only the
address of Redis is the program's argument."""
import re
import sys

page, out = sys.argv[1:]
text = open(page, encoding="utf-8").read()
address = '"redis://localhost:6379/0"'
blocks = re.findall(r"^```cpp\n(.*?)^```$", text, re.M | re.S)
jobs = [block for block in blocks if "void nightly_job()" in block]
if len(jobs) != 1 or jobs[0].count(address) != 1:
    sys.exit(f"{page}: no nightly_job() that names {address} once")
program = "".join(block.replace(address, "redis_url") for block in blocks)
open(out, "w", encoding="utf-8").write(
    "#include <string>\n\nstatic std::string redis_url;\n\n" + program +
    "\nint main(int, char** arguments) {\n  redis_url = arguments[1];\n  nightly_job();\n}\n")
