// SPDX-License-Identifier: MIT
// Compressed messages from a client, through ServerProtocol.
#include <random>

#include "sluice/transport/frame.hpp"

#include "sluice/ws/deflate.hpp"
#include "support/catch.hpp"
#include "support/client_frame.hpp"
#include "support/sample_text.hpp"
#include "ws/protocol_transcript.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::string_literals;
using ws::Opcode;

namespace {

constexpr std::uint8_t rsv1 = 0x40, text = 0x81, binary = 0x82, fragment_of_text = 0x01, middle = 0x00, last = 0x80;

Hearing compressed(std::size_t limit = default_limit) { return {limit, 0}; }
Hearing compressed_with_window(int bits) { return {default_limit, bits}; }

Transcript lines(std::initializer_list<std::string> list) { return list; }

std::string deflated(std::string_view message) {
  std::string out;
  ws::Deflater(15, 6, 8).deflate(message, out);
  return out;
}

std::string compressed_text(std::string_view message) { return raw_frame(rsv1 | text, deflated(message)); }

const std::string hello = "\xf2\x48\xcd\xc9\xc9\x07\x00"s;  // RFC 7692 section 7.2.3.1

}  // namespace

TEST_CASE("compressed messages arrive among plain ones", "[ws]") {
  const std::string json = rows_json(3'000);
  CHECK(heard(raw_frame(rsv1 | text, hello), compressed()) == lines({"text: Hello"}));
  CHECK(heard(compressed_text(json) + client_text("plain") + raw_frame(rsv1 | binary, deflated("\xff\x00"s)) +
                  client_frame(Opcode::ping, "p") + raw_frame(rsv1 | text, "\0"s) + client_close(1000),
              compressed()) ==
        lines({"text: " + json, "text: plain", "binary: \xff\x00"s, "ping: p", "text: ", "close 1000: "}));
}

TEST_CASE("a compressed message may be fragmented, with RSV1 on the first fragment only", "[ws]") {
  const std::string first = raw_frame(rsv1 | fragment_of_text, hello.substr(0, 3));
  const std::string rest = raw_frame(last, hello.substr(3));
  const std::string nothing = raw_frame(middle, "");
  const std::string ping = client_frame(Opcode::ping, "still there?");
  CHECK(heard(first + rest, compressed()) == lines({"text: Hello"}));
  CHECK(heard(first + nothing + ping + nothing + rest, compressed()) == lines({"ping: still there?", "text: Hello"}));
  CHECK(heard(raw_frame(rsv1 | fragment_of_text, "") + raw_frame(middle, hello) + raw_frame(last, ""), compressed()) ==
        lines({"text: Hello"}));
  // The next message is not compressed because this one was.
  CHECK(heard(first + rest + client_frame(Opcode::text, "a", false) + client_frame(Opcode::continuation, "b"),
              compressed()) == lines({"text: Hello", "text: ab"}));
}

TEST_CASE("RSV1 stands on the first frame of a message and nowhere else", "[ws]") {
  const std::string begun = raw_frame(rsv1 | fragment_of_text, hello.substr(0, 3));
  const std::string wrong = "failed 1002: a continuation frame has the bit of compression";
  CHECK(heard(begun + raw_frame(rsv1 | last, hello.substr(3)), compressed()) == lines({wrong}));
  CHECK(failed_after(begun + raw_frame(rsv1 | last, hello.substr(3)), compressed()) == begun.size() + 1);
  CHECK(heard(raw_frame(rsv1 | last, hello), compressed()) == lines({wrong}));
  for (const std::uint8_t opcode : {0x88, 0x89, 0x8a}) {
    CHECK(heard(raw_frame(rsv1 | opcode, ""), compressed()) == lines({"failed 1002: a control frame is compressed"}));
  }
  for (const std::uint8_t bits : {0x10, 0x20, 0x30, 0x50, 0x60, 0x70}) {
    CHECK(heard(raw_frame(bits | text, hello), compressed()) == lines({"failed 1002: reserved bits are set"}));
  }
  CHECK(heard(raw_frame(rsv1 | text, hello)) == lines({"failed 1002: reserved bits are set"}));  // not agreed on
}

TEST_CASE("a client's window is kept between messages if that was negotiated", "[ws]") {
  const std::string again = "\xf2\x00\x11\x00\x00"s;  // RFC 7692 section 7.2.3.2
  const std::string bytes = raw_frame(rsv1 | text, hello) + client_text("plain") + raw_frame(rsv1 | text, again);
  CHECK(heard(bytes, compressed_with_window(15)) == lines({"text: Hello", "text: plain", "text: Hello"}));
  CHECK(heard(bytes, compressed_with_window(8)) == lines({"text: Hello", "text: plain", "text: Hello"}));
  CHECK(heard(bytes, compressed()) ==
        lines({"text: Hello", "text: plain", "failed 1007: the compressed message can't be read"}));
}

TEST_CASE("a compressed text is checked for UTF-8 after decompression", "[ws]") {
  const std::string fault = "failed 1007: the text is not UTF-8";
  CHECK(heard(compressed_text("\xf0\x9f\x8c\x8a"), compressed()) == lines({"text: \xf0\x9f\x8c\x8a"}));
  CHECK(heard(compressed_text("caf\xc3"), compressed()) == lines({fault}));
  CHECK(heard(compressed_text("caf\xc3") + client_text("after"), compressed()) == lines({fault}));
  const std::string bad = compressed_text("\xff" + rows_json(5'000));
  CHECK(heard(bad, compressed()) == lines({fault}));
  CHECK(failed_after(bad, compressed()) < bad.size() / 2);
  CHECK(heard(raw_frame(rsv1 | binary, deflated("caf\xc3")), compressed()) == lines({"binary: caf\xc3"}));
}

TEST_CASE("the message limit applies after decompression", "[ws]") {
  const std::string json = rows_json(1'000);
  CHECK(heard(compressed_text(json), compressed(1'000)) == lines({"text: " + json}));
  CHECK(heard(compressed_text(json), compressed(999)) == lines({"failed 1009: the message is too big"}));
  // Incompressible bytes take a little more room than they have.
  const std::string bytes = noise(500);
  CHECK(deflated(bytes).size() > 500);
  CHECK(heard(raw_frame(rsv1 | binary, deflated(bytes)), compressed(500)) == lines({"binary: " + bytes}));
  // In fragments, and with a plain message before that was within it.
  const std::string payload = deflated(json);
  CHECK(heard(client_text("x") + raw_frame(rsv1 | fragment_of_text, payload.substr(0, 50)) +
                  raw_frame(last, payload.substr(50)),
              compressed(999)) == lines({"text: x", "failed 1009: the message is too big"}));
}

TEST_CASE("a decompression bomb fails with 1009 before a hundredth of it has been read", "[ws]") {
  const std::string zeros(50'000'000, '\0');
  const std::string bomb = raw_frame(rsv1 | binary, deflated(zeros));
  Listener listener(compressed(100'000));
  listener.hear(std::string_view(bomb).substr(0, bomb.size() / 100));
  CHECK(listener.lines() == lines({"failed 1009: the message is too big"}));
}

TEST_CASE("the compressed bytes of a message are bounded by its decompressed limit", "[ws]") {
  constexpr std::size_t limit = 1'000, most = limit + limit / 4 + 64 * 1024;
  const std::string wrong = "failed 1009: the message is too big";
  const auto header_of = [](std::uint64_t payload) {
    std::string header;
    append_frame_header(header, rsv1 | binary, payload);
    header[1] = static_cast<char>(header[1] | 0x80);
    return header + "mask";
  };
  CHECK(heard(header_of(most), compressed(limit)) == lines({}));
  CHECK(heard(header_of(most + 1), compressed(limit)) == lines({wrong}));
  CHECK(heard(header_of(400'000'000), compressed(limit)) == lines({wrong}));
  // In fragments, and made of blocks that come to nothing.
  std::string nothing;
  for (int i = 0; i < 8'000; ++i) nothing += "\x00\x00\x00\xff\xff"s;
  const std::string twice = raw_frame(rsv1 | 0x02, nothing) + raw_frame(middle, nothing);
  CHECK(heard(twice, compressed(limit)) == lines({wrong}));
  // Each message has its own.
  const std::string once = raw_frame(rsv1 | binary, nothing + '\0');
  CHECK(heard(once + once + once, compressed(limit)) == lines({"binary: ", "binary: ", "binary: "}));
}

TEST_CASE("a compressed message that comes to much is uncompressed in turns", "[ws]") {
  const auto calls = [](std::string payload) {
    ws::InflaterPool pool;
    ws::DeflateTotals totals;
    const ServerLimits limits;
    ws::ServerProtocol protocol(limits);
    protocol.inflate_with(std::make_unique<ws::MessageInflater>(0, pool, totals));
    std::string frame = raw_frame(rsv1 | binary, payload);
    std::span<char> input(frame);
    int times = 1;
    std::uint64_t before = 0;
    for (; protocol.next(input) == ws::ServerProtocol::Step::yield; ++times) {
      CHECK(totals.plain_bytes - before <= 1'400'000);
      before = totals.plain_bytes;
    }
    return times;
  };
  CHECK(calls(deflated("short")) == 1);
  CHECK(calls(deflated(std::string(1 << 20, 'a'))) >= 2);
  CHECK(calls(deflated(noise(500'000))) >= 20);
  std::string nothing;
  for (int i = 0; i < 50'000; ++i) nothing += "\x00\x00\x00\xff\xff"s;
  CHECK(calls(nothing + '\0') >= 10);
}

TEST_CASE("the first fault is reported, however the bytes are split", "[ws]") {
  const std::string bad_then_long = std::string(50, 'a') + "\xff" + std::string(100, 'b');
  CHECK(heard(compressed_text(bad_then_long), compressed(60)) == lines({"failed 1007: the text is not UTF-8"}));
  CHECK(heard(compressed_text(bad_then_long), compressed(40)) == lines({"failed 1009: the message is too big"}));
  const std::string corrupt_behind = raw_frame(rsv1 | text, deflated(bad_then_long) + "\x07");
  CHECK(heard(corrupt_behind, compressed()) == lines({"failed 1007: the text is not UTF-8"}));
}

TEST_CASE("a compressed message that can't be read fails 1007", "[ws]") {
  const std::string fault = "failed 1007: the compressed message can't be read";
  CHECK(heard(raw_frame(rsv1 | text, "\x07"), compressed()) == lines({fault}));
  CHECK(heard(raw_frame(rsv1 | text, ""), compressed()) == lines({fault}));
  CHECK(heard(raw_frame(rsv1 | text, hello.substr(0, 4)), compressed()) == lines({fault}));
  CHECK(heard(raw_frame(rsv1 | text, hello) + raw_frame(rsv1 | text, "\x07"), compressed()) ==
        lines({"text: Hello", fault}));
}

TEST_CASE("an inflater is borrowed for one message, and kept only for a window", "[ws]") {
  ws::InflaterPool pool;
  ws::DeflateTotals totals;
  ws::MessageInflater forgetting(0, pool, totals), keeping(15, pool, totals);
  CHECK(forgetting.allocated_bytes() == 0);
  CHECK(keeping.allocated_bytes() == 0);
  std::string out;
  for (auto* inflater : {&forgetting, &keeping}) {
    inflater->begin();
    CHECK(inflater->allocated_bytes() > 0);
    (void)inflater->inflate(hello.substr(0, 3), false, out, 100);
    (void)inflater->inflate(hello.substr(3), true, out, 100);
  }
  CHECK(out == "HelloHello");
  CHECK(forgetting.allocated_bytes() == 0);
  CHECK(keeping.allocated_bytes() > 32'768);
  CHECK(pool.allocated_bytes() > 0);
  CHECK(totals.messages == 2);
  CHECK(totals.plain_bytes == 10);
  CHECK(totals.wire_bytes == 14);
  // Many messages in hand at once take their memory with them when they are done.
  std::vector<ws::MessageInflater> many;
  for (int i = 0; i < 100; ++i) many.emplace_back(0, pool, totals).begin();
  for (auto& inflater : many) (void)inflater.inflate(hello, true, out, 10'000);
  CHECK(pool.allocated_bytes() < 200'000);
}

TEST_CASE("random compressed conversations arrive unchanged", "[ws]") {
  std::mt19937 random(7692);
  const auto below = [&random](std::size_t limit) { return random() % limit; };
  for (int round = 0; round < 1'000; ++round) {
    const int bits = 8 + static_cast<int>(below(8));
    const bool keeps = below(2) == 0;
    ws::Deflater deflater(bits, 1 + static_cast<int>(below(9)), 1 + static_cast<int>(below(9)));
    std::string bytes;
    Transcript expected;
    for (std::size_t count = 1 + below(6); count > 0; --count) {
      const auto seed = static_cast<unsigned>(below(5));
      const std::string message = below(4) == 0 ? std::string(below(3'000), 'z') : rows_json(below(2'000), seed);
      const bool compress = below(4) != 0;
      std::string payload;
      if (compress) deflater.deflate(message, payload);
      if (compress && !keeps) deflater.forget();
      std::string_view rest = compress ? payload : message;
      auto first_byte = static_cast<std::uint8_t>((compress ? rsv1 : 0) | 0x01);
      while (below(2) == 0) {
        const std::size_t size = below(rest.size() + 1);
        bytes += raw_frame(first_byte, rest.substr(0, size));
        rest.remove_prefix(size);
        first_byte = middle;
        if (below(3) == 0) {
          bytes += client_frame(Opcode::ping, "p");
          expected.push_back("ping: p");
        }
      }
      bytes += raw_frame(first_byte | last, rest);
      expected.push_back("text: " + message);
    }
    Listener listener(keeps ? compressed_with_window(bits) : compressed());
    for (std::string_view rest = bytes; !rest.empty();) {
      const std::size_t size = std::min(rest.size(), 1 + below(below(2) ? 20 : 4'000));
      listener.hear(rest.substr(0, size));
      rest.remove_prefix(size);
    }
    if (listener.lines() != expected) {
      CAPTURE(round, bits, keeps);
      REQUIRE(listener.lines() == expected);
    }
  }
}
