// SPDX-License-Identifier: MIT
#include "support/options.hpp"

#include "support/catch.hpp"

namespace {

/// A program with one option of each kind.
struct Program {
  Listen listen;
  std::string file = "rows.sqlite";
  bool verbose = false;

  std::string reads(std::vector<std::string_view> arguments) {
    const auto options =
        Options("Rows", listen).add("--file", file, "where the rows are").add("--verbose", verbose, "say more");
    const auto wrong = options.read(arguments);
    return wrong ? *wrong : listen.host + ":" + std::to_string(listen.port) + " " + file + (verbose ? " verbose" : "");
  }
};

}  // namespace

TEST_CASE("an example's options keep their defaults, or take what is given", "[examples]") {
  CHECK(Program{}.reads({}) == "127.0.0.1:8000 rows.sqlite");
  CHECK(Program{}.reads({"--port", "0", "--host=::1", "--file=", "--verbose"}) == "::1:0  verbose");
}

TEST_CASE("a wrong option is named", "[examples]") {
  CHECK(Program{}.reads({"--prot", "1"}) == "unknown option --prot");
  CHECK(Program{}.reads({"loose"}) == "unknown option loose");
  CHECK(Program{}.reads({"--port"}) == "--port wants a value");
  CHECK(Program{}.reads({"--verbose=1"}) == "--verbose takes no value");
  CHECK(Program{}.reads({"--port", "65536"}) == "--port does not take \"65536\"");
  CHECK(Program{}.reads({"--port", "80x"}) == "--port does not take \"80x\"");
  CHECK(Program{}.reads({"--threads", "-1"}) == "--threads does not take \"-1\"");
}

TEST_CASE("the usage shows each option with its default", "[examples]") {
  Listen listen;
  bool verbose = false;
  CHECK(Options("Rows", listen).add("--verbose", verbose, "say more").usage("rows") ==
        "usage: rows [OPTION...]\n"
        "Rows.\n"
        "\n"
        "  --host TEXT             the address to listen on (127.0.0.1)\n"
        "  --port NUMBER           the port, 0 for any free one (8000)\n"
        "  --threads NUMBER        threads that serve, 0 for one per processor (0)\n"
        "  --verbose               say more\n"
        "  --help                  this text\n");
}
