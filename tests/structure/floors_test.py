# SPDX-License-Identifier: MIT
"""A room includes only what docs/rooms.md allows it, rooms and libraries alike, and so do the folders of a room."""
import re
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


def folder_violations(root, folders=house.folders()):
    found = []
    rooms = {folder.split("/")[0] for folder in folders}
    for path in house.sources(root, "src"):
        name = path.relative_to(root)
        room, *inside = name.parts[1:-1]
        here = "/".join([room, *inside])
        if inside and here not in folders:
            found.append(f"{name}: the folder {here} is not in docs/rooms.md")
            continue
        if not inside or room not in rooms:
            continue
        for header in house.includes(path):
            target = header.rsplit("/", 1)[0]
            if target == here or target.split("/")[0] != room:
                continue
            if target.removeprefix(f"{room}/") not in folders[here]:
                found.append(f"{name} includes {header}: {here} may not use {target}")
    return found


def headers_that_include_each_other(root, folders=house.folders()):
    """Pairs of folders of one room of which each has a header that includes the other's."""
    arrows = set()
    for path in house.sources(root, "src"):
        here = "/".join(path.relative_to(root).parts[1:-1])
        if path.suffix == ".hpp":
            arrows |= {(here, header.rsplit("/", 1)[0]) for header in house.includes(path)}
    return sorted((a, b) for a, b in arrows if a < b and (b, a) in arrows and a in folders and b in folders)


def private_parts_of_the_layer(root):
    """Where another library includes a private header of layer that has a source file, or includes one that has."""
    def has_source(header):
        path = root / "src" / header
        return path.with_suffix(".cpp").exists() or any(
            has_source(below) for below in house.includes(path) if below.startswith("layer/"))
    return [f"{path.relative_to(root)} includes {header}" for path in house.sources(root, "src")
            if room_of(path, root) not in ("layer", "consumer", "page")
            for header in house.includes(path) if header.startswith("layer/") and has_source(header)]


def names_of_the_schema(root):
    """Where a room but page names a type or a key of Baserow's broadcasts, as src/page/baserow_schema.cpp has them."""
    schema = root / "src/page/baserow_schema.cpp"
    words = "|".join(sorted(set(re.findall(r'"([a-z]+(?:_[a-z]+)+)"', schema.read_text()))))
    name = re.compile(f'"({words})"')
    return [f"{path.relative_to(root)}: {found.group()}" for path in house.sources(root, "include", "src")
            if room_of(path, root) != "page" for found in name.finditer(path.read_text())]


class Floors(unittest.TestCase):
    def test_only_page_names_the_types_and_keys_of_its_broadcasts(self):
        self.assertEqual(names_of_the_schema(house.ROOT), [])

    def test_a_key_of_the_schema_in_another_room_is_seen(self):
        files = {
            "src/page/baserow_schema.cpp": 'auto type = "broadcast_to_group";\nout.key("user_ids").key("payload");',
            "src/page/wire.cpp": 'out.key("user_ids");',
            "src/layer/event.cpp": 'if (map["user_ids"]) return "broadcast_to_group";\n// no user_ids\n',
        }
        with house.tree(files) as folder:
            self.assertEqual(names_of_the_schema(Path(folder)),
                             ['src/layer/event.cpp: "user_ids"', 'src/layer/event.cpp: "broadcast_to_group"'])

    def test_no_other_library_calls_private_parts_of_the_layer(self):
        self.assertEqual(private_parts_of_the_layer(house.ROOT), [])

    def test_a_private_part_of_the_layer_in_another_library_is_seen(self):
        files = {
            "src/layer/hub/hub.hpp": "",
            "src/layer/hub/hub.cpp": "",
            "src/layer/hub/member.hpp": '#include "layer/hub/hub.hpp"\n',
            "src/layer/hub/queue.hpp": '#include "sluice/layer/event.hpp"\n',
            "src/nats/bus.cpp": '#include "layer/hub/queue.hpp"\n#include "layer/hub/hub.hpp"\n',
            "src/redis/bus.hpp": '#include "layer/hub/member.hpp"\n',
        }
        with house.tree(files) as folder:
            self.assertEqual(private_parts_of_the_layer(Path(folder)), [
                "src/nats/bus.cpp includes layer/hub/hub.hpp", "src/redis/bus.hpp includes layer/hub/member.hpp"])

    def test_every_folder_of_a_room_includes_only_what_its_table_allows(self):
        self.assertEqual(folder_violations(house.ROOT), [])
        self.assertEqual(headers_that_include_each_other(house.ROOT), [])

    def test_two_folders_include_each_other_only_where_it_is_explained(self):
        folders = house.folders()
        both = [(folder, below) for folder, allowed in folders.items() for below in allowed
                if folder.split("/")[1] in folders.get(f"{folder.split('/')[0]}/{below}", set())]
        self.assertEqual(sorted(both), [("net/shard", "stage"), ("net/stage", "shard")])

    def test_each_broken_rule_of_folders_is_seen(self):
        folders = {"net/loop": set(), "net/stage": {"loop", "shard"}, "net/shard": {"stage"}}
        files = {
            "src/net/loop/timer.hpp": '#include "net/stage/driver.hpp"\n#include "sluice/net/server.hpp"\n',
            "src/net/stage/driver.hpp": '#include "net/loop/timer.hpp"\n#include "net/shard/shard.hpp"\n',
            "src/net/shard/shard.hpp": '#include "net/stage/driver.hpp"\n#include "core/ascii.hpp"\n',
            "src/net/cellar/wine.cpp": "",
        }
        with house.tree(files) as folder:
            self.assertEqual(folder_violations(Path(folder), folders), [
                "src/net/cellar/wine.cpp: the folder net/cellar is not in docs/rooms.md",
                "src/net/loop/timer.hpp includes net/stage/driver.hpp: net/loop may not use net/stage",
            ])
            self.assertEqual(headers_that_include_each_other(Path(folder), folders),
                             [("net/loop", "net/stage"), ("net/shard", "net/stage")])

    def test_every_room_includes_only_what_its_table_allows(self):
        self.assertEqual(violations(house.ROOT), [])

    def test_the_table_has_no_circle(self):
        rooms = house.rooms()
        for room, below in rooms.items():
            for other in below:
                self.assertNotIn(room, rooms[other], f"{room} and {other} may include each other")

    def test_each_broken_rule_is_reported(self):
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
