# SPDX-License-Identifier: MIT
"""A room includes only what docs/rooms.md allows it, rooms and libraries alike."""
import unittest
from pathlib import Path

import house


def room_of(path, root):
    """The room that a file of include/ or src/ lies in; None for include/sluice/*.hpp, which may use every room."""
    parts = path.relative_to(root).parts
    parts = parts[2:] if parts[0] == "include" else parts[1:]
    return parts[0] if len(parts) > 1 else None


def violations(root, rooms=house.rooms(), libraries=house.libraries()):
    found = []
    for path in house.sources(root, "include", "src"):
        room = room_of(path, root)
        name = path.relative_to(root)
        if room is None:
            continue
        if room not in rooms:
            found.append(f"{name}: the room {room} is not in docs/rooms.md")
            continue
        for header in house.includes(path):
            target = header.removeprefix("sluice/").split("/")[0]
            library = house.library_of(header)
            if header == "sluice/sluice.hpp":
                found.append(f"{name} includes the umbrella header")
            elif target in rooms and target != room and target not in rooms[room]:
                found.append(f"{name} includes {header}: {room} may not use {target}")
            elif library and room not in libraries[library]:
                found.append(f"{name} includes {header}: {room} may not use {library}")
    return found


class Floors(unittest.TestCase):
    def test_every_room_includes_only_what_its_table_allows(self):
        self.assertEqual(violations(house.ROOT), [])

    def test_the_table_has_no_circle(self):
        rooms = house.rooms()
        for room, below in rooms.items():
            for other in below:
                self.assertNotIn(room, rooms[other], f"{room} and {other} may include each other")

    def test_each_broken_rule_is_seen(self):
        files = {
            "include/sluice/sluice.hpp": '#include "sluice/page/page.hpp"\n',
            "include/sluice/core/task.hpp": '#include "sluice/json/text.hpp"\n#include <vector>\n',
            "include/sluice/page/page.hpp": '#include "sluice/core/task.hpp"\n#include "sluice/sluice.hpp"\n',
            "src/net/server.cpp": '#include "json/utf8.hpp"\n#include <asio/ip/tcp.hpp>\n',
            "src/consumer/session.cpp": "#include <asio.hpp>\n  #  include <simdjson.h>\n",
            "src/cellar/wine.cpp": "",
        }
        with house.tree(files) as folder:
            self.assertEqual(violations(Path(folder)), [
                "include/sluice/core/task.hpp includes sluice/json/text.hpp: core may not use json",
                "include/sluice/page/page.hpp includes the umbrella header",
                "src/cellar/wine.cpp: the room cellar is not in docs/rooms.md",
                "src/consumer/session.cpp includes asio.hpp: consumer may not use asio",
                "src/consumer/session.cpp includes simdjson.h: consumer may not use simdjson",
                "src/net/server.cpp includes json/utf8.hpp: net may not use json",
            ])


if __name__ == "__main__":
    unittest.main(argv=["floors"])
