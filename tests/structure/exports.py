# SPDX-License-Identifier: MIT
"""What shared libraries export is what their headers mark as public: no more, so that the rest may change, and no less.

    python3 tests/structure/exports.py build/shared
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MARKED = re.compile(r"^(?:class|struct)?[^\n(]*\bSLUICE_API\b([^;{(]*)", re.MULTILINE)
UNMARKED_CLASS = re.compile(r"(?<!>\n)^(?:class|struct) (\w+)(?: final)?(?: :[^;{]*)? \{", re.MULTILINE)
UNMARKED_FUNCTION = re.compile(r"^(?!.*SLUICE_API)[\w\[][^\n=#]*?\b(\w+)\((?:[^{]|\{\})*?\)(?: const)?(?: noexcept)?;$", re.MULTILINE)
NAMESPACE = re.compile(r"^(?:inline )?namespace ([\w:]+) \{", re.MULTILINE)


def texts(*folders):
    return [path.read_text() for folder in folders for path in sorted((ROOT / folder).rglob("*.hpp"))]


def name_of(declared):
    """The class or function in what stands behind SLUICE_API and before its bases or parameters."""
    before_bases = re.split(r"(?<!:):(?!:)", declared)[0].replace(" final", "")
    return re.findall(r"operator\S+|\w+", before_bases)[-1]


def namespaces():
    return {part for text in texts("include", "src") for name in NAMESPACE.findall(text) for part in name.split("::")}


def entity(symbol, spaces):
    """The class or function at the head of sluice::v0_2::redis::RedisOptions::..., or None where it is not Sluice's."""
    symbol = re.sub(r"^(vtable|typeinfo|typeinfo name|VTT|non-virtual thunk|virtual thunk|guard variable) (for|to) ", "", symbol)
    while symbol != (plain := re.sub(r"<[^<>]*>|\([^()]*\)", "", symbol)):
        symbol = plain
    name = re.sub(r" const$|\[abi:\w+\]", "", symbol).split(" ")[-1]
    if not name.startswith("sluice::"):
        return None
    parts = [part for part in name.split("::") if part not in spaces and not re.fullmatch(r"v\d+(_\d+)?", part)]
    return parts[0].lstrip("~") if parts else None


def symbols(command, *paths):
    out = subprocess.run([*command, *map(str, paths)], capture_output=True, text=True, check=True).stdout
    return out.splitlines()


def exported(library):
    lines = (line.split(" ", 2) for line in symbols(["nm", "-DC", "--defined-only"], library) if " " in line)
    return [name for _, kind, name in lines if kind != "u"]  # GNU: one in the whole process, whatever its visibility


def hidden_definitions(build):
    """Functions that are no templates and not inline, hidden in an object of a library."""
    objects = [path for path in sorted(build.rglob("*.o")) if "CMakeFiles/sluice" in str(path)]
    for line in symbols(["readelf", "-sWC"], *objects):
        found = re.match(r"\s*\d+: \S+\s+\d+ FUNC\s+GLOBAL HIDDEN\s+\d+ (.*)", line)
        if found:
            yield found[1]


def main():
    build = Path(sys.argv[1])
    spaces = namespaces() | {"sluice"}
    public = {name_of(found) for text in texts("include", "src") for found in MARKED.findall(text) if found.strip()}
    headers = texts("include")
    unmarked = {name for text in headers for name in UNMARKED_CLASS.findall(text)}
    unmarked |= {name for text in headers for name in UNMARKED_FUNCTION.findall(text)}
    faults = []
    libraries = sorted(build.glob("libsluice*.so"))
    if not libraries:
        sys.exit(f"{build} has no shared libraries")
    for library in libraries:
        names = exported(library)
        own = [symbol for symbol in names if entity(symbol, spaces)]
        print(f"{library.name}: {len(own)} symbols of Sluice, {len(names) - len(own)} others (of std's templates)")
        faults += [f"{library.name} exports what no header marks: {symbol}" for symbol in own if entity(symbol, spaces) not in public]
    for symbol in hidden_definitions(build):
        if entity(symbol, spaces) in unmarked - public:
            faults.append(f"declared in a public header, without SLUICE_API: {symbol}")
    print("\n".join(sorted(set(faults))[:40]))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
