# SPDX-License-Identifier: MIT
# Starts no program of the build.
"""A class has one responsibility, and so few member functions: about 40. Counted roughly, from the text."""
import re
import unittest

import house

MANY = 40  # these are printed
TOO_MANY = 45  # these fail, but for those below
# A class that has more, and why it is one class all the same.
MAY_HAVE_MORE = {}

CODE = re.compile(r'//[^\n]*|/\*.*?\*/|R"\((?:.|\n)*?\)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.S)
CLASS = re.compile(r"(?<!enum )\b(?:class|struct)\s+(?:alignas\(\w+\)\s+|\[\[\w+\]\]\s+|SLUICE_API\s+)*([\w:]+)(?:<[^<>{};]*>)?\s*(?:final\s*)?(?::[^;{}()]*(?:\([^()]*\))?[^;{}()]*)?\{")
LABEL = re.compile(r"^\s*(?:public|protected|private)\s*:")


def plain(text):
    """The code without comments, texts and preprocessor lines, so that braces and brackets are only code."""
    text = CODE.sub(lambda match: "" if match[0].startswith("/") else '""', text)
    return re.sub(r"^[ \t]*#[^\n]*(?:\\\n[^\n]*)*", "", text, flags=re.M)


def block(text, start):
    """The index behind the brace that closes the one at `start`."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at + 1
    raise ValueError("a brace is not closed")


def members(body):
    """The declarations of a class's body, each without what stands in its braces."""
    declaration, at = "", 0
    while at < len(body):
        if body[at] == "{":
            end = block(body, at)
            # Behind a function's body nothing follows; behind a type's or an initializer's comes a semicolon.
            rest = body[end:].lstrip()
            declaration += "{}"
            at = end
            if not rest.startswith((";", ",", "=", ")")) and not re.search(r"=\s*\{\}$", declaration):
                yield declaration
                declaration = ""
            continue
        if body[at] == ";":
            yield declaration
            declaration = ""
        else:
            declaration += body[at]
        at += 1


def is_function(declaration):
    while LABEL.match(declaration):
        declaration = LABEL.sub("", declaration, count=1)
    declaration = re.sub(r"\[\[.*?\]\]|\b(?:alignas|requires|noexcept|explicit)\s*\([^()]*\)", "", declaration)
    if re.match(r"\s*(?:using|friend|typedef|static_assert|enum|class|struct|template\s*<[^{}]*>\s*(?:class|struct)\s)\b", declaration):
        return False
    previous = None
    while previous != declaration:  # std::function<void(int)> is a type
        previous, declaration = declaration, re.sub(r"<[^<>]*>", "", declaration)
    head = re.split(r"(?<![=!<>])=(?!=)", declaration.replace("operator=", "operator_"))[0]
    return "(" in head


def counted(text):
    """Class -> how many member functions it declares."""
    text = plain(text)
    found = {}
    for match in CLASS.finditer(text):
        end = block(text, match.end() - 1)
        functions = sum(map(is_function, members(text[match.end():end - 1])))
        found[match[1]] = max(functions, found.get(match[1], 0))
    return found


def all_classes():
    """(path, class) -> functions, of the house's own code."""
    return {(path.relative_to(house.ROOT).as_posix(), name): count
            for folder in ("include", "src")
            for path in house.sources(house.ROOT, folder)
            for name, count in counted(path.read_text()).items()}


class Counting(unittest.TestCase):
    def test_functions_are_distinguished_from_lookalikes(self):
        self.assertEqual(counted('''
            enum class No : int { a, b };
            class Forward;
            template <class T>
            class Some final : public Base<T> {
             public:
              explicit Some(int x) : x_(x), y_{f(x)} {}   // 1
              Some(const Some&) = delete;                 // 2
              ~Some();                                    // 3
              int x() const noexcept { return g("{"); }   // 4
              virtual void pure() = 0;                    // 5
              template <class F> void each(F visit);      // 6
              Some& operator=(Some&&) noexcept;           // 7
              static void made(std::function<void(int)> f = {}) noexcept;  // 8
              friend bool operator==(const Some&, const Some&) = default;
              using Call = void (*)(int);
              struct Inner { void one(); void two() {} int z = f(3); };
             private:
              std::function<void(int)> call_;
              int x_ = f(1);
              std::atomic<int> y_{0};
              std::array<int, 2> z_ = {1, 2};
              [[no_unique_address]] Limits limits_;
              bool flag_ : 1 = false;
            };'''), {"Some": 8, "Inner": 2})


class Classes(unittest.TestCase):
    def test_no_class_has_too_many_member_functions(self):
        counts = all_classes()
        for (path, name), count in sorted(counts.items(), key=lambda item: -item[1]):
            if count > MANY:
                print(f"{count} {name} {path}")
        too_many = {where: count for where, count in counts.items() if count > TOO_MANY}
        for where in sorted(set(MAY_HAVE_MORE) - set(too_many)):
            print("needs no exception any more:", *where)
        self.assertEqual({where: count for where, count in too_many.items() if where not in MAY_HAVE_MORE}, {})


if __name__ == "__main__":
    unittest.main(argv=["classes"])
