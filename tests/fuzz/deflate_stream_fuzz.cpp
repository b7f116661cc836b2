// SPDX-License-Identifier: MIT
// Malicious compressed data: it never exceeds the limit, and gives the same result however it is split; and our own
// compressed data is read back unchanged. The first byte of an input chooses the window and the cuts.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/check.hpp"
#include "sluice/ws/deflate.hpp"

using namespace sluice;
using Outcome = ws::Inflater::Outcome;

namespace {

constexpr std::size_t limit = 5'000;

struct Read {
  Outcome outcome = Outcome::good;
  std::string out;
  bool operator==(const Read&) const = default;
};

Read read(ws::Inflater& inflater, std::string_view payload, std::size_t piece) {
  Read result;
  do {
    const std::string_view now = payload.substr(0, piece);
    payload.remove_prefix(now.size());
    result.outcome = inflater.inflate(now, payload.empty(), result.out, limit);
    check(result.out.size() <= limit);
  } while (result.outcome == Outcome::good && !payload.empty());
  return result;
}

Read read(std::string_view payload, std::size_t piece) {
  ws::Inflater inflater(15);
  return read(inflater, payload, piece);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = 1 + data[0] / 8;
  const Read whole = read(bytes, size);
  check(read(bytes, 1) == whole);
  check(read(bytes, piece) == whole);

  const int bits = 8 + data[0] % 8;
  ws::Deflater deflater(bits, 1 + data[0] % 9, 1 + data[0] % 9);
  ws::Inflater inflater(bits);
  for (std::string_view rest = bytes.substr(0, limit);;) {
    const std::string_view message = rest.substr(0, piece * 16);
    rest.remove_prefix(message.size());
    std::string payload;
    deflater.deflate(message, payload);
    check(read(inflater, payload, piece) == Read{Outcome::good, std::string(message)});
    if (rest.empty()) return 0;
  }
}
