// SPDX-License-Identifier: MIT
// The requirements of RFC 6455 for a server, case by case, in the order of the public conformance suites: framing,
// pings, reserved bits, opcodes, fragmentation, UTF-8, closing. Each case is fed whole, byte by byte, and split at
// every byte.
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/client_frame.hpp"
#include "ws/protocol_transcript.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::string_literals;
using ws::Opcode;

namespace {

struct Case {
  std::string name;
  std::string bytes;
  Transcript heard;
  std::size_t fails_at = 0;  // how many bytes it takes to know, 0: it does not fail
};

void hear_all(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    INFO(one.name);
    CHECK(heard(one.bytes) == one.heard);
    CHECK(failed_after(one.bytes) == one.fails_at);
  }
}

std::string start(std::string_view text, Opcode opcode = Opcode::text) { return client_frame(opcode, text, false); }
std::string go_on(std::string_view text) { return client_frame(Opcode::continuation, text, false); }
std::string finish(std::string_view text) { return client_frame(Opcode::continuation, text); }
std::string ping(std::string_view payload = "p") { return client_frame(Opcode::ping, payload); }
std::string pong(std::string_view payload = "p") { return client_frame(Opcode::pong, payload); }

const std::string not_utf8 = "failed 1007: the text is not UTF-8";
const std::string nothing_to_continue = "failed 1002: there is nothing to continue";

}  // namespace

TEST_CASE("framing: every length class, text and binary (RFC 6455 section 5.2)", "[ws]") {
  std::vector<Case> cases;
  for (const std::size_t size : {0, 125, 126, 127, 128, 65535, 65536}) {
    const std::string text(size, '*'), bytes(size, '\xfe');
    cases.push_back({"text of " + std::to_string(size), client_text(text), {"text: " + text}});
    cases.push_back({"binary of " + std::to_string(size), client_frame(Opcode::binary, bytes), {"binary: " + bytes}});
  }
  cases.push_back({"an unmasked text", "\x81\x02hi"s, {"failed 1002: a client's frame is not masked"}, 2});
  cases.push_back({"an unmasked close", "\x88\x00"s, {"failed 1002: a client's frame is not masked"}, 2});
  cases.push_back({"a length of 127 in eight bytes",
                   "\x82\xff\0\0\0\0\0\0\0\x7f"s,
                   {"failed 1002: a frame's length is not in its shortest form"},
                   8});
  cases.push_back({"a length of 125 in two bytes",
                   "\x82\xfe\0\x7d"s,
                   {"failed 1002: a frame's length is not in its shortest form"},
                   4});
  cases.push_back({"a negative length", "\x82\xff\xff"s, {"failed 1002: a frame's length has its top bit set"}, 3});
  cases.push_back({"more than the limit, of which nothing came yet",
                   "\x82\xff\0\0\0\0\x40\0\0\0"s,
                   {"failed 1009: the message is too big"},
                   10});
  hear_all(cases);
}

TEST_CASE("pings and pongs (RFC 6455 sections 5.5.2 and 5.5.3)", "[ws]") {
  const std::string longest(125, '\xfe');
  hear_all({
      {"a ping without a payload", ping(""), {"ping: "}},
      {"a ping of text", ping("Hello, world!"), {"ping: Hello, world!"}},
      {"a ping of bytes", ping("\0\xff\xfe\xfd\xfc\xfb\0\xff"s), {"ping: \0\xff\xfe\xfd\xfc\xfb\0\xff"s}},
      {"the longest ping", ping(longest), {"ping: " + longest}},
      {"a longer ping", ping(std::string(126, 'x')), {"failed 1002: a control frame is too long"}, 2},
      {"pongs that nobody asked for, and a ping",
       pong("") + pong("unsolicited") + ping("p"),
       {"pong: ", "pong: unsolicited", "ping: p"}},
  });
}

TEST_CASE("reserved bits and opcodes, after something good and before it (RFC 6455 section 5.2)", "[ws]") {
  std::vector<Case> cases;
  const std::string good = client_text("good");
  for (int bits = 1; bits <= 7; ++bits) {
    for (const int opcode : {1, 2, 8, 9, 10}) {
      const auto first = static_cast<std::uint8_t>(0x80 | bits << 4 | opcode);
      cases.push_back({"bits " + std::to_string(bits) + " of opcode " + std::to_string(opcode),
                       good + raw_frame(first, "x") + ping(),
                       {"text: good", "failed 1002: reserved bits are set"},
                       good.size() + 1});
    }
    cases.push_back({"bits " + std::to_string(bits) + " of a continuation",
                     start("a") + raw_frame(static_cast<std::uint8_t>(0x80 | bits << 4), "b"),
                     {"failed 1002: reserved bits are set"},
                     start("a").size() + 1});
  }
  for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    for (const std::string payload : {"", "x"}) {
      cases.push_back({"opcode " + std::to_string(opcode),
                       good + raw_frame(static_cast<std::uint8_t>(0x80 | opcode), payload) + ping(),
                       {"text: good", "failed 1002: unknown opcode"},
                       good.size() + 1});
    }
  }
  hear_all(cases);
}

TEST_CASE("fragmentation (RFC 6455 section 5.4)", "[ws]") {
  const std::string fragmented_control = "failed 1002: a control frame is fragmented";
  const std::string inside = "failed 1002: a message begins inside another";
  hear_all({
      {"a ping in two fragments", client_frame(Opcode::ping, "a", false) + finish("b"), {fragmented_control}, 1},
      {"a pong in two fragments", client_frame(Opcode::pong, "a", false) + finish("b"), {fragmented_control}, 1},
      {"a close in two fragments", client_frame(Opcode::close, "", false) + finish(""), {fragmented_control}, 1},
      {"text in two fragments", start("frag1") + finish("frag2"), {"text: frag1frag2"}},
      {"bytes in two fragments", start("\xff", Opcode::binary) + finish("\xfe"), {"binary: \xff\xfe"}},
      {"text with a ping inside", start("frag1") + ping() + finish("frag2"), {"ping: p", "text: frag1frag2"}},
      {"text with pings at every place",
       ping("1") + start("a") + ping("2") + go_on("b") + ping("3") + pong("4") + finish("c") + ping("5"),
       {"ping: 1", "ping: 2", "ping: 3", "pong: 4", "text: abc", "ping: 5"}},
      {"text with a close inside", start("a") + client_close(1000) + finish("b"), {"close 1000: "}},
      {"a last fragment without a first, then text", finish("x") + client_text("y"), {nothing_to_continue}, 1},
      {"a fragment in the middle without a first", go_on("x") + client_text("y"), {nothing_to_continue}, 1},
      {"a fragment behind the last",
       start("a") + finish("b") + go_on("c") + client_text("d"),
       {"text: ab", nothing_to_continue},
       start("a").size() + finish("b").size() + 1},
      {"a message after a message, both in fragments",
       start("a") + finish("b") + start("c", Opcode::binary) + finish("d"),
       {"text: ab", "binary: cd"}},
      {"two first fragments", start("a") + start("b") + finish("c"), {inside}, start("a").size() + 1},
      {"a whole text inside a text", start("a") + client_text("b"), {inside}, start("a").size() + 1},
      {"a whole binary inside a text", start("a") + client_frame(Opcode::binary, "b"), {inside}, start("a").size() + 1},
      {"fragments without a payload", start("") + go_on("") + finish(""), {"text: "}},
      {"only the middle has a payload", start("") + go_on("middle") + finish(""), {"text: middle"}},
  });
}

TEST_CASE("the number of frames in a message is bounded, however empty they are", "[ws]") {
  Hearing how;
  how.limits.frames_per_message = 3;
  const std::string fault = "failed 1008: the message is in too many frames";
  const std::string three = start("a") + go_on("") + finish("b");
  CHECK(heard(three + ping() + three, how) == Transcript{"text: ab", "ping: p", "text: ab"});
  const std::string begun = start("a") + go_on("") + go_on("");
  CHECK(heard(begun + finish("b"), how) == Transcript{fault});
  CHECK(failed_after(begun + finish("b"), how) == begun.size() + 1);
  CHECK(heard(begun + ping() + ping(), how) == Transcript{"ping: p", "ping: p"});  // these are no part of it
  how.limits.frames_per_message = 1;
  CHECK(heard(client_text("a") + client_text("b"), how) == Transcript{"text: a", "text: b"});
  CHECK(heard(start("a") + finish("b"), how) == Transcript{fault});
}

// Sequences of one to six bytes, their borders, what is overlong, surrogates, and bytes that never are (RFC 3629).
TEST_CASE("UTF-8, good and bad, at every place of a message (RFC 6455 section 8.1)", "[ws]") {
  const std::vector<std::string> good = {
      "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5",
      "\0"s,
      "\xc2\x80",
      "\xe0\xa0\x80",
      "\xf0\x90\x80\x80",
      "\x7f",
      "\xdf\xbf",
      "\xef\xbf\xbf",
      "\xf4\x8f\xbf\xbf",
      "\xed\x9f\xbf",
      "\xee\x80\x80",
      "\xef\xbf\xbd",
      "\xef\xbf\xbe",
      "\xf0\x9f\xbf\xbe",
      "\xf3\xaf\xbf\xbf",
  };
  for (const std::string& text : good) {
    CHECK(heard(client_text(text)) == Transcript{"text: " + text});
    CHECK(heard(start("x" + text) + finish(text + "y")) == Transcript{"text: x" + text + text + "y"});
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      const std::string frames = start(text.substr(0, cut)) + ping() + go_on("") + finish(text.substr(cut));
      CHECK(heard(frames) == Transcript{"ping: p", "text: " + text});
    }
  }

  struct Bad {
    std::string bytes;
    std::size_t proof;  // how many of the bytes prove it
  };
  const std::vector<Bad> bad = {
      {"\x80", 1},
      {"\xbf", 1},
      {"\xfe", 1},
      {"\xff", 1},
      {"\xc0\xaf", 1},
      {"\xc1\xbf", 1},
      {"\xe0\x80\xaf", 2},
      {"\xe0\x9f\xbf", 2},
      {"\xf0\x80\x80\xaf", 2},
      {"\xf0\x8f\xbf\xbf", 2},
      {"\xf4\x90\x80\x80", 2},
      {"\xf5\x80\x80\x80", 1},
      {"\xf7\xbf\xbf\xbf", 1},
      {"\xf8\x88\x80\x80\x80", 1},
      {"\xfc\x84\x80\x80\x80\x80", 1},
      {"\xed\xa0\x80", 2},
      {"\xed\xaf\xbf\xed\xb0\x80", 2},
      {"\xed\xbf\xbf", 2},
      {"\xc3\x28", 2},
      {"\xe2\x82\x28", 3},
      {"\xe2\x28\xa1", 2},
      {"\xf0\x9f\x8c\x28", 4},
      {"\xc3\xc3", 2},
      {"\xc3\xa9\xa9", 3},
  };
  for (const Bad& one : bad) {
    const std::string before = "\xce\xba\xe1\xbd\xb9", after = "edited, and more";
    const std::string text = before + one.bytes + after;
    const std::size_t proof = before.size() + one.proof;
    CHECK(heard(client_text(text)) == Transcript{not_utf8});
    CHECK(failed_after(client_text(text)) == 6 + proof);
    for (std::size_t cut = 0; cut <= before.size() + one.bytes.size(); ++cut) {
      const std::string frames = start(text.substr(0, cut)) + finish(text.substr(cut));
      CHECK(heard(frames) == Transcript{not_utf8});
      CHECK(failed_after(frames) == 6 + proof + (proof > cut ? 6 : 0));
    }
  }
}

TEST_CASE("a text that ends inside a character fails at its end", "[ws]") {
  for (const std::string half : {"\xc3", "\xe2\x82", "\xf0\x9f\x8c"}) {
    hear_all({
        {"whole", client_text("x" + half), {not_utf8}, client_text("x" + half).size()},
        {"in fragments", start("x") + finish(half), {not_utf8}, start("x").size() + finish(half).size()},
        {"with an empty last one", start(half) + finish(""), {not_utf8}, start(half).size() + finish("").size()},
    });
  }
}

TEST_CASE("a bad byte deep in a long text is refused there, not at its end", "[ws]") {
  constexpr std::size_t size = 70'000;
  const std::size_t header = client_text(std::string(size, 'x')).size() - size;
  for (const std::size_t at : {0, 1, 15, 16, 31, 32, 63, 64, 65, 127, 4095, 4096, 16'383, 65'535, 69'999}) {
    std::string text(size, 'x');
    text[at] = '\xff';
    CHECK(failed_after(client_text(text)) == header + at + 1);
    Listener listener;  // and in pieces as a socket gives them: in the piece that holds it
    std::string frame = client_text(text);
    std::size_t heard_bytes = 0;
    while (listener.lines().empty()) {
      listener.hear(frame.substr(heard_bytes, 1460));
      heard_bytes += 1460;
    }
    CHECK(heard_bytes / 1460 == (header + at) / 1460 + 1);
  }
}

TEST_CASE("closing (RFC 6455 sections 5.5.1 and 7.4)", "[ws][LC-14][LC-21]") {
  const std::string half = "failed 1002: a close frame holds half a code";
  const std::string bad_code = "failed 1002: the close code may not be sent";
  const std::string bad_reason = "failed 1007: the close reason is not UTF-8";
  std::vector<Case> cases = {
      {"a close without a payload", client_frame(Opcode::close, ""), {"close 1005: "}},
      {"a close of one byte", client_frame(Opcode::close, "\x03"), {half}, 2},
      {"a close with a code", client_close(1000), {"close 1000: "}},
      {"a close with a reason", client_close(1000, "Hello World!"), {"close 1000: Hello World!"}},
      {"the longest reason", client_close(1000, std::string(123, '*')), {"close 1000: " + std::string(123, '*')}},
      {"a longer one", client_close(1000, std::string(124, '*')), {"failed 1002: a control frame is too long"}, 2},
      {"a reason that is not UTF-8",
       client_close(1000, "\xce\xba\xe1\xbd\xb9\xed\xa0\x80 edited"),
       {bad_reason},
       6 + 2 + 7},
      {"a reason that ends inside a character",
       client_close(1000, "x\xe2\x82"),
       {bad_reason},
       client_close(1000, "x\xe2\x82").size()},
      {"two closes", client_close(1000) + client_close(1001), {"close 1000: "}},
      {"a ping behind the close", client_close(1000) + ping(), {"close 1000: "}},
      {"text behind the close", client_text("a") + client_close(1000) + client_text("b"), {"text: a", "close 1000: "}},
      {"the rest of a message behind the close", start("a") + client_close(1000) + finish("b"), {"close 1000: "}},
      {"a quarter of a megabyte, a close, a ping",
       client_text(std::string(262'144, '*')) + client_close(1000) + ping(),
       {"text: " + std::string(262'144, '*'), "close 1000: "}},
  };
  for (const int code :
       {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999}) {
    const auto bytes = client_close(static_cast<std::uint16_t>(code), "why");
    cases.push_back({std::to_string(code), bytes, {"close " + std::to_string(code) + ": why"}});
  }
  for (const int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535}) {
    for (const std::string reason : {"", "why"}) {
      cases.push_back(
          {std::to_string(code), client_close(static_cast<std::uint16_t>(code), reason), {bad_code}, 6 + 2});
    }
  }
  hear_all(cases);
}
