# SPDX-License-Identifier: MIT
"""Public headers outside net are light: compiling one alone reaches none of the libraries in docs/rooms.md."""
import re
import subprocess
import unittest

import house

ALONE = re.compile(r"/alone/(sluice/\S+\.hpp)\.cpp\.o:")


def reached(ninja_deps):
    """public header -> what compiling it alone has read, from the answer of `ninja -t deps`."""
    found, header = {}, None
    for line in ninja_deps.splitlines():
        if not line.startswith(" "):
            match = ALONE.search(line)
            header = match and match[1]
            if header:
                found[header] = []
        elif header:
            found[header].append(line.strip())
    return found


def heavy(reached_by_header):
    found = []
    for header, files in reached_by_header.items():
        if header.startswith("sluice/net/"):
            continue
        for file in files:
            inside = re.search(r"/include/(?:[a-z0-9_]+-linux-gnu/)?(.*)", file)
            library = inside and house.library_of(inside[1])
            if library:
                found.append(f"{header} reaches {library} ({inside[1]})")
                break
    return found


class Headers(unittest.TestCase):
    def test_no_public_header_outside_net_reaches_a_library(self):
        deps = subprocess.run(["ninja", "-C", house.BUILD, "-t", "deps"], check=True, capture_output=True, text=True)
        headers = reached(deps.stdout)
        public = {str(path.relative_to(house.ROOT / "include")) for path in house.sources(house.ROOT, "include")}
        self.assertEqual(public - set(headers), set(), "not compiled alone; does the build folder know them?")
        self.assertEqual(heavy(headers), [])

    def test_a_heavy_header_is_reported(self):
        deps = """\
tests/structure/CMakeFiles/sluice_headers_alone.dir/alone/sluice/json/text.hpp.cpp.o: #deps 2, deps mtime 1 (VALID)
    ../../include/sluice/json/text.hpp
    /usr/include/simdjson.h

tests/structure/CMakeFiles/sluice_headers_alone.dir/alone/sluice/net/server.hpp.cpp.o: #deps 2, deps mtime 1 (VALID)
    /usr/include/asio/ip/tcp.hpp

CMakeFiles/sluice.dir/src/json/text.cpp.o: #deps 2, deps mtime 1 (VALID)
    /usr/include/simdjson.h

tests/structure/CMakeFiles/sluice_headers_alone.dir/alone/sluice/core/log.hpp.cpp.o: #deps 2, deps mtime 1 (VALID)
    /usr/include/x86_64-linux-gnu/openssl/opensslconf.h
    /usr/include/c++/12/vector
"""
        self.assertEqual(heavy(reached(deps)), ["sluice/json/text.hpp reaches simdjson (simdjson.h)",
                                                "sluice/core/log.hpp reaches openssl (openssl/opensslconf.h)"])


if __name__ == "__main__":
    unittest.main(argv=["headers"])
