// SPDX-License-Identifier: MIT
#include "sluice/ws/server_protocol.hpp"

#include "support/catch.hpp"
#include "support/client_frame.hpp"
#include "ws/protocol_transcript.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::string_literals;
using ws::Opcode;
using ws::ServerProtocol;

namespace {

Transcript lines(std::initializer_list<std::string> list) { return list; }

}  // namespace

TEST_CASE("the examples of RFC 6455 section 5.7", "[ws]") {
  CHECK(heard("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"s) == lines({"text: Hello"}));
  CHECK(heard("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"s) == lines({"pong: Hello"}));
  CHECK(heard(client_frame(Opcode::text, "Hel", false) + client_frame(Opcode::continuation, "lo")) ==
        lines({"text: Hello"}));
}

TEST_CASE("a protocol is empty between two messages, and holds something within one", "[ws]") {
  for (const std::string& frame : {client_text("Hello"), client_frame(Opcode::ping, "Hello"),
                                   client_frame(Opcode::text, "Hel", false) + client_frame(Opcode::pong, "") +
                                       client_frame(Opcode::continuation, "lo")}) {
    Listener listener;
    CHECK(listener.protocol().empty());
    for (const char byte : frame.substr(0, frame.size() - 1)) {
      listener.hear({&byte, 1});
      CHECK_FALSE(listener.protocol().empty());
    }
    listener.hear({&frame.back(), 1});
    listener.hear({});  // which lets go of a ping that came in pieces
    CHECK(listener.protocol().empty());
  }
  Listener ended;
  ended.hear(client_close(1000));
  CHECK_FALSE(ended.protocol().empty());
}

TEST_CASE("messages of every length class arrive whole", "[ws]") {
  for (const std::size_t size : {0, 1, 125, 126, 127, 128, 65535, 65536, 70000}) {
    const std::string payload(size, '*');
    CHECK(heard(client_text(payload)) == lines({"text: " + payload}));
    const std::string bytes = std::string(size / 2, '\xfe') + std::string(size - size / 2, '\0');
    CHECK(heard(client_frame(Opcode::binary, bytes)) == lines({"binary: " + bytes}));
  }
}

TEST_CASE("a length that is not in its shortest form fails 1002 where it shows", "[ws]") {
  const std::string fault = "failed 1002: a frame's length is not in its shortest form";
  for (const std::size_t size : {0, 1, 125}) {
    const std::string frame = "\x82\xfe"s + big_endian(size, 2) + "\0\0\0\0"s + std::string(size, 'x');
    CHECK(heard(frame) == lines({fault}));
    CHECK(failed_after(frame) == 4);
  }
  for (const std::size_t size : {0, 125, 126, 65535}) {
    const std::string frame = "\x82\xff"s + big_endian(size, 8) + "\0\0\0\0"s + std::string(size, 'x');
    CHECK(heard(frame) == lines({fault}));
    CHECK(failed_after(frame) == 8);  // six zero bytes of eight
  }
}

TEST_CASE("a length with its top bit set fails 1002 at that byte", "[ws]") {
  const std::string frame = "\x82\xff\x80\0\0\0\0\0\0\1\0\0\0\0"s;
  CHECK(heard(frame) == lines({"failed 1002: a frame's length has its top bit set"}));
  CHECK(failed_after(frame) == 3);
}

TEST_CASE("pings and pongs carry 0 to 125 bytes of anything", "[ws]") {
  for (const std::size_t size : {0, 1, 124, 125}) {
    const std::string payload(size, '\xff');
    CHECK(heard(client_frame(Opcode::ping, payload)) == lines({"ping: " + payload}));
    CHECK(heard(client_frame(Opcode::pong, payload)) == lines({"pong: " + payload}));
  }
  std::string ten;
  Transcript expected;
  for (int i = 0; i < 10; ++i) {
    ten += client_frame(Opcode::ping, "payload-" + std::to_string(i));
    expected.push_back("ping: payload-" + std::to_string(i));
  }
  CHECK(heard(ten) == expected);
}

TEST_CASE("a control frame that is long or fragmented fails 1002 within its first two bytes", "[ws]") {
  for (const auto opcode : {Opcode::ping, Opcode::pong, Opcode::close}) {
    const std::string too_long = client_frame(opcode, std::string(126, 'x'));
    CHECK(heard(too_long) == lines({"failed 1002: a control frame is too long"}));
    CHECK(failed_after(too_long) == 2);
    const std::string longest = client_frame(opcode, std::string(65536, 'x'));
    CHECK(failed_after(longest) == 2);
    const std::string fragment = client_frame(opcode, "x", false);
    CHECK(heard(fragment) == lines({"failed 1002: a control frame is fragmented"}));
    CHECK(failed_after(fragment) == 1);
  }
}

TEST_CASE("reserved bits fail 1002 at the first byte, on every kind of frame", "[ws]") {
  for (int bits = 1; bits <= 7; ++bits) {
    for (const int opcode : {0, 1, 2, 8, 9, 10}) {
      const std::string frame = raw_frame(static_cast<std::uint8_t>(0x80 | bits << 4 | opcode), "");
      CHECK(heard(client_text("before") + frame) == lines({"text: before", "failed 1002: reserved bits are set"}));
      CHECK(failed_after(frame) == 1);
    }
  }
}

TEST_CASE("reserved opcodes fail 1002 at the first byte", "[ws]") {
  for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    const std::string frame = raw_frame(static_cast<std::uint8_t>(0x80 | opcode), "x");
    CHECK(heard(client_text("before") + frame + client_text("after")) ==
          lines({"text: before", "failed 1002: unknown opcode"}));
    CHECK(failed_after(frame) == 1);
  }
}

TEST_CASE("a frame without a mask fails 1002 at its second byte", "[ws]") {
  const std::string frame = "\x81\x05Hello"s;
  CHECK(heard(frame) == lines({"failed 1002: a client's frame is not masked"}));
  CHECK(failed_after(frame) == 2);
}

TEST_CASE("fragments join, also empty ones", "[ws]") {
  CHECK(heard(client_frame(Opcode::text, "", false) + client_frame(Opcode::continuation, "", false) +
              client_frame(Opcode::continuation, "")) == lines({"text: "}));
  CHECK(heard(client_frame(Opcode::text, "", false) + client_frame(Opcode::continuation, "middle", false) +
              client_frame(Opcode::continuation, "")) == lines({"text: middle"}));
  CHECK(heard(client_frame(Opcode::binary, "a", false) + client_frame(Opcode::continuation, "\xff", false) +
              client_frame(Opcode::continuation, "b") + client_text("next")) == lines({"binary: a\xff"
                                                                                       "b",
                                                                                       "text: next"}));
}

TEST_CASE("control frames between fragments come at once and disturb nothing", "[ws]") {
  CHECK(heard(client_frame(Opcode::text, "one ", false) + client_frame(Opcode::ping, "p") +
              client_frame(Opcode::continuation, "two ", false) + client_frame(Opcode::pong, "q") +
              client_frame(Opcode::continuation, "three")) == lines({"ping: p", "pong: q", "text: one two three"}));
  CHECK(heard(client_frame(Opcode::text, "one", false) + client_close(1001)) == lines({"close 1001: "}));
}

TEST_CASE("a continuation of nothing fails 1002 at its first byte", "[ws]") {
  for (const bool fin : {true, false}) {
    const std::string frame = client_frame(Opcode::continuation, "x", fin);
    CHECK(heard(frame) == lines({"failed 1002: there is nothing to continue"}));
    CHECK(failed_after(frame) == 1);
  }
  CHECK(heard(client_frame(Opcode::text, "a", false) + client_frame(Opcode::continuation, "b") +
              client_frame(Opcode::continuation, "c")) ==
        lines({"text: ab", "failed 1002: there is nothing to continue"}));
}

TEST_CASE("a message inside a message fails 1002 at its first byte", "[ws]") {
  const std::string start = client_frame(Opcode::text, "a", false);
  for (const auto opcode : {Opcode::text, Opcode::binary}) {
    CHECK(heard(start + client_frame(opcode, "b")) == lines({"failed 1002: a message begins inside another"}));
    CHECK(failed_after(start + client_frame(opcode, "b")) == start.size() + 1);
  }
}

TEST_CASE("text may be cut into frames inside a character", "[ws]") {
  const std::string text = "Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-\xf0\x9f\x8c\x8a-UTF-8!!";
  for (std::size_t frame_bytes = 1; frame_bytes <= text.size(); ++frame_bytes) {
    std::string frames;
    for (std::size_t at = 0; at < text.size(); at += frame_bytes) {
      frames += client_frame(at == 0 ? Opcode::text : Opcode::continuation, text.substr(at, frame_bytes),
                             at + frame_bytes >= text.size());
    }
    CHECK(heard(frames) == lines({"text: " + text}));
  }
}

TEST_CASE("text that is not UTF-8 fails 1007", "[ws]") {
  const std::string fault = "failed 1007: the text is not UTF-8";
  for (const std::string bad : {
           "\x80",
           "\xbf",
           "\xfe",
           "\xff",
           "\xc0\xaf",
           "\xc1\xbf",
           "\xe0\x80\xaf",
           "\xe0\x9f\xbf",
           "\xf0\x8f\xbf\xbf",
           "\xf8\x88\x80\x80\x80",
           "\xfc\x84\x80\x80\x80\x80",
           "\xed\xa0\x80",
           "\xed\xbf\xbf",
           "\xf4\x90\x80\x80",
           "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80\x65\x64\x69\x74\x65\x64",
           "\xc3",
           "\xe2\x82",
           "\xf0\x9f\x8c",
           "abc\xc3(",
           "\xc3\x9f\x9f",
       }) {
    CHECK(heard(client_text(bad)) == lines({fault}));
    CHECK(heard(client_text("long enough for wide loads, twenty and more " + bad)) == lines({fault}));
    CHECK(heard(client_frame(Opcode::text, bad, false) + client_frame(Opcode::continuation, "")) == lines({fault}));
  }
}

TEST_CASE("the first and last characters of each UTF-8 length are accepted", "[ws]") {
  for (const std::string& good :
       {"\0"s, "\x7f"s, "\xc2\x80"s, "\xdf\xbf"s, "\xe0\xa0\x80"s, "\xed\x9f\xbf"s, "\xee\x80\x80"s, "\xef\xbf\xbf"s,
        "\xef\xbf\xbe"s, "\xf0\x90\x80\x80"s, "\xf4\x8f\xbf\xbf"s, "\xef\xbb\xbf"s}) {
    CHECK(heard(client_text(good)) == lines({"text: " + good}));
  }
}

TEST_CASE("text fails at the byte that proves it is not UTF-8, not at the end of its frame", "[ws]") {
  const auto frame = client_text("\xce\xba\xe1\xbd\xb9\xf4\x90\x80\x80 and more");
  CHECK(failed_after(frame) == 6 + 7);  // F4 is fine, the 90 behind it is not
  const auto fragments =
      client_frame(Opcode::text, "\xce\xba\xf4", false) + client_frame(Opcode::continuation, "\x90\x80\x80", false);
  CHECK(failed_after(fragments) == 6 + 3 + 6 + 1);
  const auto half = client_frame(Opcode::text, "\xce", false) + client_frame(Opcode::continuation, "");
  CHECK(failed_after(half) == half.size());
}

TEST_CASE("a message above the limit fails with 1009 as soon as a length shows it", "[ws]") {
  const std::string fault = "failed 1009: the message is too big";
  CHECK(heard(client_text(std::string(200, 'x')), 200) == lines({"text: " + std::string(200, 'x')}));
  const auto over = client_text(std::string(201, 'x'));
  CHECK(heard(over, 200) == lines({fault}));
  CHECK(failed_after(over, 200) == 4);
  CHECK(failed_after(client_text("123456"), 5) == 2);
  CHECK(failed_after("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"s, 200) == 10);

  const auto first = client_frame(Opcode::binary, std::string(150, 'x'), false);
  CHECK(heard(first + client_frame(Opcode::continuation, std::string(50, 'y')), 200) ==
        lines({"binary: " + std::string(150, 'x') + std::string(50, 'y')}));
  const auto fragments = first + client_frame(Opcode::continuation, std::string(51, 'y'));
  CHECK(heard(fragments, 200) == lines({fault}));
  CHECK(failed_after(fragments, 200) == first.size() + 2);

  CHECK(heard(client_text("") + client_frame(Opcode::ping, "p"), 0) == lines({"text: ", "ping: p"}));
  CHECK(heard(client_text("x"), 0) == lines({fault}));
}

TEST_CASE("the limit is for one message, not for all", "[ws]") {
  std::string frames;
  for (int i = 0; i < 10; ++i) frames += client_text("1234567");
  CHECK(heard(frames, 7) == Transcript(10, "text: 1234567"));
}

TEST_CASE("the peer's close code and text are reported, and 1005 when there is none", "[ws][LC-21]") {
  CHECK(heard(client_frame(Opcode::close, "")) == lines({"close 1005: "}));
  CHECK(heard(client_close(1000)) == lines({"close 1000: "}));
  CHECK(heard(client_close(1000, "bye")) == lines({"close 1000: bye"}));
  CHECK(heard(client_close(4321, "\xe2\x82\xac")) == lines({"close 4321: \xe2\x82\xac"}));
  CHECK(heard(client_close(1001, std::string(123, 'x'))) == lines({"close 1001: " + std::string(123, 'x')}));
}

TEST_CASE("a close frame with a code that must not be sent fails with 1002", "[ws][LC-14]") {
  for (const int code :
       {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999}) {
    CHECK(heard(client_close(static_cast<std::uint16_t>(code))) == lines({"close " + std::to_string(code) + ": "}));
  }
  for (const int code : {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535}) {
    const auto frame = client_close(static_cast<std::uint16_t>(code), "text");
    CHECK(heard(frame) == lines({"failed 1002: the close code may not be sent"}));
    CHECK(failed_after(frame) == 6 + 2);
  }
}

TEST_CASE("a close frame that is malformed fails", "[ws]") {
  CHECK(heard(client_frame(Opcode::close, "x")) == lines({"failed 1002: a close frame holds half a code"}));
  CHECK(failed_after(client_frame(Opcode::close, "x")) == 2);
  CHECK(heard(client_close(1000, "\xce\xba\xff")) == lines({"failed 1007: the close reason is not UTF-8"}));
  CHECK(failed_after(client_close(1000, "\xce\xba\xff more")) == 6 + 2 + 3);
  CHECK(heard(client_close(1000, "\xce")) == lines({"failed 1007: the close reason is not UTF-8"}));
}

TEST_CASE("nothing is delivered after the end", "[ws]") {
  CHECK(heard(client_close(1000) + client_text("late") + client_frame(Opcode::ping, "") + client_close(1001)) ==
        lines({"close 1000: "}));
  CHECK(heard(raw_frame(0x83, "") + client_text("late") + client_close(1000)) ==
        lines({"failed 1002: unknown opcode"}));
  Listener listener;
  listener.hear(client_close(3000, "first"));
  CHECK(listener.protocol().ended());
  listener.hear(client_close(1001, "second"));
  CHECK(listener.protocol().close_reason() == CloseReason(3000, "first"));
}

TEST_CASE("reading can stop between two messages of one buffer", "[ws]") {
  std::string buffer = client_text("one") + client_text("two") + client_text("three").substr(0, 4);
  std::span<char> input(buffer);
  const ServerLimits limits;
  ServerProtocol protocol(limits);
  REQUIRE(protocol.next(input) == ServerProtocol::Step::message);
  CHECK(protocol.take_message() == Message::text("one"));
  CHECK(input.size() == client_text("two").size() + 4);
  REQUIRE(protocol.next(input) == ServerProtocol::Step::message);
  CHECK(protocol.take_message() == Message::text("two"));
  CHECK(protocol.next(input) == ServerProtocol::Step::need_more);
  CHECK(input.empty());
}

TEST_CASE("a message that is not taken is replaced by the next", "[ws]") {
  std::string buffer =
      client_text("not taken") + client_frame(Opcode::text, "ta", false) + client_frame(Opcode::continuation, "ken");
  std::span<char> input(buffer);
  const ServerLimits limits;
  ServerProtocol protocol(limits);
  REQUIRE(protocol.next(input) == ServerProtocol::Step::message);
  REQUIRE(protocol.next(input) == ServerProtocol::Step::message);
  CHECK(protocol.take_message() == Message::text("taken"));
}

TEST_CASE("a moved protocol keeps its incomplete message", "[ws]") {
  const std::string frame = client_text("moved along, half of it");
  std::string first = frame.substr(0, 12), second = frame.substr(12);
  std::span<char> input(first);
  const ServerLimits limits;
  ServerProtocol before(limits);
  CHECK(before.next(input) == ServerProtocol::Step::need_more);
  ServerProtocol after = std::move(before);
  input = second;
  REQUIRE(after.next(input) == ServerProtocol::Step::message);
  CHECK(after.take_message() == Message::text("moved along, half of it"));
}

TEST_CASE("our close payload is always one that may be sent", "[ws][LC-14]") {
  CHECK(ws::close_payload({}) == "\x03\xe8");
  CHECK(ws::close_payload({4001, "removed"}) == "\x0f\xa1removed");
  CHECK(ws::close_payload(close_code::no_status) == "");
  for (const int code : {0, 1, 1004, 1006, 1015, 2999, 5000}) {
    CHECK(ws::close_payload({static_cast<std::uint16_t>(code), "x"}) == "\x03\xf3x");
  }
  CHECK(ws::close_payload({1000, "\xff"}) == "\x03\xe8");
}

TEST_CASE("a long close text is cut between characters", "[ws]") {
  CHECK(ws::close_payload({1000, std::string(123, 'x')}) == "\x03\xe8" + std::string(123, 'x'));
  CHECK(ws::close_payload({1000, std::string(124, 'x')}) == "\x03\xe8" + std::string(123, 'x'));
  for (const std::string last : {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8c\x8a"}) {
    for (std::size_t fits = 0; fits < last.size(); ++fits) {  // only that many of the last one's bytes have room
      const std::string before(123 - fits, 'x');
      CHECK(ws::close_payload({1000, before + last}) == "\x03\xe8" + before);
    }
    const std::string before(123 - last.size(), 'x');
    CHECK(ws::close_payload({1000, before + last + "more"}) == "\x03\xe8" + before + last);
  }
}
