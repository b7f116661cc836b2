// SPDX-License-Identifier: MIT
// Bodies in pieces, framed and read back by a reader that knows nothing of how they were made.
#include "sluice/http/body_framing.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"

using namespace sluice;
using http::BodyEnd;
using http::BodyFraming;
using namespace std::string_literals;

namespace {

// The bytes on the wire for these pieces; "!" and the error where it stops.
std::string framed(BodyFraming framing, const std::vector<std::string>& pieces) {
  std::string wire;
  for (const std::string& piece : pieces) {
    const auto frame = framing.next(piece.size());
    if (!frame) return wire + "!" + frame.error().message();
    wire.append(frame->before).append(piece).append(frame->after);
  }
  const auto last = framing.end();
  if (!last) return wire + "!" + last.error().message();
  return wire.append(*last);
}

// Reads chunks as RFC 9112 section 7.1 writes them, one byte after the other. `body` once the last chunk is whole.
class ChunkReader {
 public:
  void read(char byte) {
    switch (part_) {
      case Part::size:
        if (byte != '\r') return digits_.push_back(byte);
        part_ = Part::size_end;
        return;
      case Part::size_end:
        REQUIRE(byte == '\n');
        left_ = std::stoull(digits_, nullptr, 16);
        last_ = left_ == 0;
        digits_.clear();
        part_ = last_ ? Part::after_bytes : Part::bytes;
        return;
      case Part::bytes:
        bytes_ += byte;
        if (--left_ == 0) part_ = Part::after_bytes;
        return;
      case Part::after_bytes:
        REQUIRE(byte == '\r');
        part_ = Part::line_end;
        return;
      case Part::line_end:
        REQUIRE(byte == '\n');
        if (last_) body = bytes_;
        part_ = last_ ? Part::over : Part::size;
        return;
      case Part::over: FAIL("a byte behind the last chunk");
    }
  }
  std::optional<std::string> body;

 private:
  enum class Part { size, size_end, bytes, after_bytes, line_end, over };
  Part part_ = Part::size;
  std::string digits_, bytes_;
  unsigned long long left_ = 0;
  bool last_ = false;
};

}  // namespace

TEST_CASE("pieces become chunks, with their size in front and an empty chunk behind the last", "[http]") {
  CHECK(framed(BodyFraming(BodyEnd::chunked), {"hello", std::string(26, 'x')}) ==
        "5\r\nhello\r\n1a\r\n" + std::string(26, 'x') + "\r\n0\r\n\r\n");
  CHECK(framed(BodyFraming(BodyEnd::chunked), {}) == "0\r\n\r\n");
}

TEST_CASE("an empty piece does not end a chunked body", "[http]") {
  CHECK(framed(BodyFraming(BodyEnd::chunked), {"", "a", "", "b", ""}) == "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
}

TEST_CASE("a chunk may be as large as memory", "[http]") {
  BodyFraming framing(BodyEnd::chunked);
  CHECK(framing.next(~std::size_t{0})->before == "ffffffffffffffff\r\n");
  CHECK(framing.next(1)->before == "1\r\n");
}

TEST_CASE("chunks that are read byte by byte give the pieces", "[http]") {
  std::vector<std::string> pieces;
  std::string whole;
  for (std::size_t size = 1; size < 70'000; size = size * 3 + 1) {
    pieces.push_back(std::string(size, "\r\n0;x"[size % 5]) + "\r\n0\r\n\r\n");
    whole += pieces.back();
  }
  ChunkReader reader;
  const std::string wire = framed(BodyFraming(BodyEnd::chunked), pieces);
  for (const char byte : wire) {
    CHECK_FALSE(reader.body);
    reader.read(byte);
  }
  CHECK(reader.body == whole);
}

TEST_CASE("a body with a length goes over the wire as it is, and must have that length", "[http]") {
  CHECK(framed(BodyFraming(BodyEnd::length, 5), {"he", "", "llo"}) == "hello");
  CHECK(framed(BodyFraming(BodyEnd::length, 0), {}).empty());
  CHECK(framed(BodyFraming(BodyEnd::length, 4), {"he", "llo"}) ==
        "he!invalid_argument: the body is longer than its length, by 1 bytes");
  CHECK(framed(BodyFraming(BodyEnd::length, 7), {"he", "llo"}) ==
        "hello!invalid_argument: the body is shorter than its length, by 2 bytes");
}

TEST_CASE("a body that ends with the connection has no framing, and cannot show that it is cut", "[http]") {
  CHECK(framed(BodyFraming(BodyEnd::connection), {"a", "b"}) == "ab");
  CHECK_FALSE(BodyFraming(BodyEnd::connection).shows_missing_end());
  CHECK(BodyFraming(BodyEnd::chunked).shows_missing_end());
  CHECK(BodyFraming(BodyEnd::length, 1).shows_missing_end());
}
