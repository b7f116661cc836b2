// SPDX-License-Identifier: MIT
#include "ws/unmask.hpp"

#include <string>

#include "support/catch.hpp"
#include "support/client_frame.hpp"

using namespace sluice;

TEST_CASE("a payload is unmasked at any alignment, length and offset in the frame", "[ws]") {
  const ws::MaskingKey key{'\x12', '\x9a', '\xff', '\x00'};
  std::string plain(200, '\0');
  for (std::size_t at = 0; at < plain.size(); ++at) plain[at] = static_cast<char>(at * 7);
  const std::string masked = test::masked(plain, key);
  std::size_t wrong = 0;
  for (std::size_t begin = 0; begin < 40; ++begin) {  // the place in the frame, and with it the alignment
    for (std::size_t size = 0; size <= 150; ++size) {
      for (const std::size_t shift : {0, 1, 2, 3, 5, 8}) {  // the alignment alone
        std::string buffer = std::string(shift, '#') + masked.substr(begin, size) + "#";
        ws::unmask(std::span<char>(buffer).subspan(shift, size), key, begin);
        wrong += buffer != std::string(shift, '#') + plain.substr(begin, size) + "#";
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("the offset in a frame may exceed four gigabytes", "[ws]") {
  const ws::MaskingKey key{'\x01', '\x02', '\x03', '\x04'};
  std::string bytes(9, '\0');
  ws::unmask(bytes, key, (std::uint64_t{1} << 62) + 3);
  CHECK(bytes == "\x04\x01\x02\x03\x04\x01\x02\x03\x04");
}
