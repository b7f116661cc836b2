// SPDX-License-Identifier: MIT
// Malicious frame headers: the same result however they are split, and only the canonical form is accepted. The first
// byte of an input selects whether messages may be compressed.
#include <algorithm>
#include <span>
#include <string>

#include "fuzz/check.hpp"
#include "sluice/ws/frame_header.hpp"

using namespace sluice::ws;
using Step = FrameHeaderReader::Step;

namespace {

// RFC 6455 section 5.2, with the length in its shortest form.
std::string written(const FrameHeaderReader& header) {
  const std::uint64_t length = header.payload_bytes();
  const int length_bytes = length < 126 ? 0 : length < 65'536 ? 2 : 8;
  std::string bytes;
  bytes += static_cast<char>((header.fin() ? 0x80 : 0) | (header.compressed() ? 0x40 : 0) |
                             static_cast<int>(header.opcode()));
  bytes += static_cast<char>(0x80 | (length_bytes == 0 ? length : length_bytes == 2 ? 126 : 127));
  for (int at = length_bytes - 1; at >= 0; --at) bytes += static_cast<char>(length >> (8 * at) & 0xff);
  const MaskingKey key = header.masking_key();
  return bytes.append(key.begin(), key.end());
}

void check_accepted(const FrameHeaderReader& header, std::string_view bytes, bool compression) {
  check(written(header) == bytes);
  check(header.payload_bytes() >> 63 == 0);
  if (is_control(header.opcode())) check(header.fin() && header.payload_bytes() <= max_control_bytes);
  if (header.compressed())
    check(compression && !is_control(header.opcode()) && header.opcode() != Opcode::continuation);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool compression = data[0] & 1;
  std::string bytes(text_of(data + 1, size - 1));
  FrameHeaderReader whole, by_bytes;
  whole.allow_compression(compression), by_bytes.allow_compression(compression);
  std::span<char> input(bytes);
  for (std::size_t at = 0;;) {
    const std::size_t begin = at;
    const Step step = whole.next(input);
    Step other = Step::need_more;
    while (other == Step::need_more && at < bytes.size()) {
      std::span<char> byte(&bytes[at++], 1);
      other = by_bytes.next(byte);
      check(byte.empty() || other == Step::failed);
    }
    check(step == other);
    if (step == Step::failed) {
      check(!whole.fault().empty() && whole.fault() == by_bytes.fault());
      return 0;
    }
    if (step == Step::need_more) return 0;
    check(at == bytes.size() - input.size());
    check_accepted(whole, std::string_view(bytes).substr(begin, at - begin), compression);
    whole.clear();
    by_bytes.clear();
  }
}
