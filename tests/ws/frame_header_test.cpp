// SPDX-License-Identifier: MIT
#include "sluice/ws/frame_header.hpp"

#include <string>

#include "support/catch.hpp"
#include "support/client_frame.hpp"

using namespace sluice;
using namespace sluice::test;
using Step = ws::FrameHeaderReader::Step;

namespace {

struct Read {
  Step step;
  std::size_t left;
};

Read read(ws::FrameHeaderReader& reader, std::string bytes) {
  std::span<char> input(bytes);
  const Step step = reader.next(input);
  return {step, input.size()};
}

}  // namespace

TEST_CASE("a header is read to its last byte and not further, however it is cut", "[ws]") {
  for (const std::uint64_t length : {std::uint64_t{0}, std::uint64_t{125}, std::uint64_t{126}, std::uint64_t{65535},
                                     std::uint64_t{65536}, (std::uint64_t{1} << 63) - 1}) {
    const std::string header = "\x02" + masked_length(length) + std::string(some_key.data(), 4);
    for (std::size_t cut = 0; cut <= header.size(); ++cut) {
      ws::FrameHeaderReader reader;
      if (cut < header.size()) CHECK(read(reader, header.substr(0, cut)).step == Step::need_more);
      if (cut < header.size()) {
        const Read rest = read(reader, header.substr(cut) + "payload");
        CHECK(rest.step == Step::complete);
        CHECK(rest.left == 7);
      } else {
        CHECK(read(reader, header).step == Step::complete);
      }
      CHECK_FALSE(reader.fin());
      CHECK(reader.opcode() == ws::Opcode::binary);
      CHECK(reader.payload_bytes() == length);
      CHECK(reader.masking_key() == some_key);
    }
  }
}

TEST_CASE("an incomplete header reports what is known of it", "[ws]") {
  ws::FrameHeaderReader reader;
  CHECK_FALSE(reader.has_opcode());
  read(reader, "\x81");
  CHECK(reader.has_opcode());
  CHECK_FALSE(reader.has_length());
  read(reader, "\xfe\x01");
  CHECK_FALSE(reader.has_length());
  read(reader, "\x02");
  CHECK(reader.has_length());
  CHECK(reader.payload_bytes() == 0x102);
}

TEST_CASE("a reader that was cleared reads the next header", "[ws]") {
  ws::FrameHeaderReader reader;
  CHECK(read(reader, client_text("")).step == Step::complete);
  reader.clear();
  CHECK(read(reader, client_frame(ws::Opcode::ping, "")).step == Step::complete);
  CHECK(reader.fin());
  CHECK(reader.opcode() == ws::Opcode::ping);
}

TEST_CASE("every first and second byte is accepted or refused as in RFC 6455", "[ws]") {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const int opcode = first & 15, length = second & 127;
      const bool control = opcode >= 8;
      const bool good = (first & 0x70) == 0 && (opcode <= 2 || (opcode >= 8 && opcode <= 10)) && second >= 128 &&
                        (!control || (first >= 128 && length <= 125));
      ws::FrameHeaderReader reader;
      const Step step = read(reader, {static_cast<char>(first), static_cast<char>(second)}).step;
      if ((step == Step::need_more) != good || reader.fault().empty() != good) {
        INFO(first << ' ' << second);
        CHECK(step == (good ? Step::need_more : Step::failed));
        CHECK(reader.fault().empty() == good);
      }
    }
  }
}
