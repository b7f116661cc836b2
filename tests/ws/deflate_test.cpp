// SPDX-License-Identifier: MIT
#include "sluice/ws/deflate.hpp"

#include <chrono>
#include <vector>

#include "support/catch.hpp"
#include "support/plain_inflate.hpp"
#include "support/sample_text.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::string_literals;
using ws::Deflater;
using ws::Inflater;

namespace {

constexpr std::size_t no_limit = std::size_t{1} << 30;

std::string outcome_name(Inflater::Outcome outcome) {
  return outcome == Inflater::Outcome::too_big ? "too big" : outcome == Inflater::Outcome::corrupt ? "corrupt" : "good";
}

// A message decompressed in pieces; or its fault.
std::string inflated(Inflater& inflater, std::string_view payload, std::size_t piece = no_limit,
                     std::size_t limit = no_limit) {
  std::string out;
  for (;;) {
    const std::string_view now = payload.substr(0, piece);
    payload.remove_prefix(now.size());
    const auto outcome = inflater.inflate(now, payload.empty(), out, limit);
    if (outcome != Inflater::Outcome::good) return outcome_name(outcome);
    if (payload.empty()) return out;
  }
}

std::string inflated(std::string_view payload, std::size_t piece = no_limit, std::size_t limit = no_limit) {
  Inflater inflater(15);
  return inflated(inflater, payload, piece, limit);
}

std::string deflated(std::string_view message) {
  std::string out;
  Deflater(15, 6, 8).deflate(message, out);
  return out;
}

std::vector<std::string> all_sorts() {
  std::vector<std::string> messages = {"", "a", "Hello", rows_json(300), rows_json(5'000), noise(3'000), ""};
  messages.push_back(std::string(100'000, '\0'));
  messages.push_back(rows_json(70'000, 2));
  messages.push_back(noise(20'000, 2) + noise(20'000, 2));
  return messages;
}

// Zeros that 1 MiB of payload uncompresses to, a gibibyte of them.
std::string bomb() {
  const std::string zeros(1 << 20, '\0');
  std::string first, again;
  Deflater deflater(15, 9, 8);
  deflater.deflate(zeros, first);
  deflater.deflate(zeros, again);
  again.insert(0, "\0\0\xff\xff"s);
  for (int i = 0; i < 1023; ++i) first += again;
  return first;
}

}  // namespace

TEST_CASE("the examples of RFC 7692 section 7.2.3 are read", "[ws]") {
  Inflater inflater(15);
  CHECK(inflated(inflater, "\xf2\x48\xcd\xc9\xc9\x07\x00"s) == "Hello");                  // 7.2.3.1
  CHECK(inflated(inflater, "\xf2\x48\xcd\xc9\xc9\x07\x00"s, 3) == "Hello");               // in two fragments
  CHECK(inflated(inflater, "\xf2\x00\x11\x00\x00"s) == "Hello");                          // 7.2.3.2, window kept
  CHECK(inflated(inflater, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"s) == "Hello");  // 7.2.3.3, stored
  CHECK(inflated(inflater, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"s) == "Hello");              // 7.2.3.4, BFINAL
  CHECK(inflated(inflater, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"s) == "Hello");  // 7.2.3.5, two blocks
  CHECK(inflated(inflater, "\x00"s) == "");                                                       // 7.2.3.6, empty
  CHECK(inflated(inflater, "\xf2\x00\x11\x00\x00"s) == "Hello");
  inflater.forget();
  CHECK(inflated(inflater, "\xf2\x00\x11\x00\x00"s) == "corrupt");  // there is no window to refer to
}

TEST_CASE("the examples of RFC 7692 section 7.2.3 are written", "[ws]") {
  Deflater deflater(15, 6, 8);
  std::string out;
  deflater.deflate("Hello", out);
  CHECK(out == "\xf2\x48\xcd\xc9\xc9\x07\x00"s);
  deflater.deflate("Hello", out);
  CHECK(out == "\xf2\x48\xcd\xc9\xc9\x07\x00\xf2\x00\x11\x00\x00"s);
  deflater.deflate("", out);
  CHECK(out.ends_with("\x11\x00\x00\x00"s));
}

TEST_CASE("a message survives every window, level, memory and way to be cut", "[ws]") {
  for (int bits = 8; bits <= 15; ++bits) {
    for (const int level : {1, 6, 9}) {
      for (const bool forgets : {false, true}) {
        Deflater deflater(bits, level, level == 9 ? 1 : 8);
        Inflater inflater(bits);
        for (const std::string& message : all_sorts()) {
          std::string payload;
          deflater.deflate(message, payload);
          const std::size_t piece = message.size() > 10'000 ? 777 : 1;
          if (inflated(inflater, payload, piece) != message) {
            CAPTURE(bits, level, forgets, message.size());
            FAIL("another message came out");
          }
          if (forgets) {
            deflater.forget();
            inflater.forget();
          }
        }
      }
    }
  }
}

TEST_CASE("a window that is kept makes the next message smaller", "[ws]") {
  Deflater deflater(15, 1, 8);
  std::string first, second;
  deflater.deflate(rows_json(2'000), first);
  deflater.deflate(rows_json(2'000), second);
  CHECK(second.size() * 10 < first.size());
  deflater.forget();
  std::string third;
  deflater.deflate(rows_json(2'000), third);
  CHECK(third == first);
}

TEST_CASE("no message refers further back than its window, of 8 bits neither", "[ws]") {
  for (int bits = 8; bits <= 15; ++bits) {
    for (const int level : {1, 4, 9}) {
      Deflater deflater(bits, level, 8);
      PlainInflate plain;
      // Texts that repeat at distances around the window's size.
      std::string text = rows_json(10'000);
      for (const std::size_t distance :
           {217, 249, 251, 255, 257, 300, 500, 520, 700, 1'500, 3'000, 7'000, 15'000, 30'000}) {
        const std::string part = noise(distance);
        text += part + part;
      }
      std::string payload;
      deflater.deflate(text, payload);
      REQUIRE(plain.message(payload) == text);
      CAPTURE(bits, level);
      CHECK(plain.farthest <= std::size_t{1} << bits);
      CHECK(plain.farthest > (std::size_t{1} << bits) * 2 / 5);  // or the window was not used
    }
  }
}

TEST_CASE("a limit stops a message at its byte, and a bomb at its beginning", "[ws]") {
  const std::string text = rows_json(50'000);
  const std::string payload = deflated(text);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, no_limit}) {
    CHECK(inflated(payload, piece, text.size()) == text);
    CHECK(inflated(payload, piece, text.size() - 1) == "too big");
    CHECK(inflated(payload, piece, 0) == "too big");
  }
  const std::string zeros = bomb();
  CHECK(zeros.size() < 1'100'000);
  constexpr std::size_t limit = 1 << 20;
  Inflater inflater(15);
  std::string out;
  CHECK(inflater.inflate(zeros, true, out, limit) == Inflater::Outcome::too_big);
  CHECK(out.size() == limit);
  CHECK(out.capacity() <= 2 * limit);
  // It was no lie that it holds a gibibyte.
  std::size_t total = 0;
  inflater.forget();
  for (std::string_view rest = zeros; !rest.empty(); rest.remove_prefix(std::min<std::size_t>(rest.size(), 1000))) {
    out.clear();
    REQUIRE(inflater.inflate(rest.substr(0, 1000), rest.size() <= 1000, out, 2 * limit) == Inflater::Outcome::good);
    total += out.size();
  }
  CHECK(total == std::size_t{1} << 30);
}

TEST_CASE("a row of final blocks costs little more than a row of others", "[ws]") {
  // Each block is empty, behind a full window.
  const std::string full = deflated(noise(40'000)) + "\x00\x00\xff\xff"s;
  const auto time_of = [&](std::string_view block) {
    constexpr int blocks = 20'000;
    std::string row = full;
    for (int i = 0; i < blocks; ++i) row += block;
    auto best = std::chrono::steady_clock::duration::max();
    for (int round = 0; round < 3; ++round) {
      const auto start = std::chrono::steady_clock::now();
      CHECK(inflated(row + '\0').size() == 40'000);
      best = std::min(best, std::chrono::steady_clock::now() - start);
    }
    return best;
  };
  CHECK(time_of("\x03\x00"s) < 20 * time_of("\x00\x00\x00\xff\xff"s));
}

TEST_CASE("a message that ends in the middle is corrupt", "[ws]") {
  for (const std::string& text : {"Hello"s, rows_json(400), rows_json(40) + noise(40)}) {
    const std::string payload = deflated(text);
    for (std::size_t size = 0; size < payload.size(); ++size) {
      CAPTURE(text.size(), size);
      CHECK(inflated(payload.substr(0, size)) == "corrupt");
      CHECK(inflated(payload.substr(0, size), 1) == "corrupt");
    }
  }
  CHECK(inflated("\xf3\x48\xcd\xc9\xc9\x07\x00"s) == "corrupt");  // BFINAL, and no further block begun
}

TEST_CASE("bytes that are no DEFLATE stream are corrupt", "[ws]") {
  CHECK(inflated("\x07"s) == "corrupt");                            // no such kind of block
  CHECK(inflated("\x00\x05\x00\xfa\xfe hello\x00"s) == "corrupt");  // lengths that don't match
  CHECK(inflated("\xff\xff\xff\xff"s) == "corrupt");
  CHECK(inflated(deflated("Hello") + "\0"s) == "corrupt");  // more behind the end
}

TEST_CASE("a flipped bit does no harm, and fails alike however the message is split", "[ws]") {
  const std::string payload = deflated(rows_json(400) + noise(30));
  int corrupt = 0;
  for (std::size_t bit = 0; bit < payload.size() * 8; ++bit) {
    std::string wrong = payload;
    wrong[bit / 8] = static_cast<char>(wrong[bit / 8] ^ (1 << bit % 8));
    const std::string whole = inflated(wrong, no_limit, 5'000);
    if (inflated(wrong, 1, 5'000) != whole) FAIL("bit " << bit << " of one piece and of many");
    corrupt += whole == "corrupt";
  }
  CHECK(corrupt > 100);
}

TEST_CASE("the memory of compression is known", "[ws]") {
  // The numbers of docs/compression.md, with room for another zlib.
  CHECK(Deflater(15, 1, 8).allocated_bytes() < 280'000);
  CHECK(Deflater(15, 1, 8).allocated_bytes() > 200'000);
  CHECK(Deflater(9, 1, 1).allocated_bytes() < 12'000);
  Inflater inflater(15);
  CHECK(inflater.allocated_bytes() < 12'000);
  (void)inflated(inflater, deflated(rows_json(1'000)));
  CHECK(inflater.allocated_bytes() < 48'000);
  CHECK(inflater.allocated_bytes() > 32'768);
}
