// SPDX-License-Identifier: MIT
#include "sluice/ws/unmask.hpp"

#include <bit>
#include <cstring>

namespace sluice::ws {

void unmask(std::span<char> bytes, MaskingKey key, std::uint64_t offset) noexcept {
  std::array<char, 8> turned;  // the key twice, so that its first byte meets the first of `bytes`
  for (std::size_t at = 0; at < turned.size(); ++at) turned[at] = key[(offset + at) % key.size()];
  const auto pattern = std::bit_cast<std::uint64_t>(turned);

  char* at = bytes.data();
  std::size_t left = bytes.size();
  // Four words a turn: compilers make vector instructions of it without being asked.
  for (; left >= 32; left -= 32, at += 32) {
    std::array<std::uint64_t, 4> words;
    std::memcpy(words.data(), at, sizeof words);
    for (std::uint64_t& word : words) word ^= pattern;
    std::memcpy(at, words.data(), sizeof words);
  }
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    word ^= pattern;
    std::memcpy(at, &word, sizeof word);
  }
  for (std::size_t i = 0; i < left; ++i) at[i] = static_cast<char>(at[i] ^ turned[i]);
}

}  // namespace sluice::ws
