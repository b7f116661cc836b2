// SPDX-License-Identifier: MIT
#include "ws/unmask.hpp"

#include <bit>
#include <cstring>

namespace sluice::SLUICE_ABI::ws {

void unmask(std::span<char> bytes, MaskingKey key, std::uint64_t offset) noexcept {
  // The key twice, rotated so that its first byte matches the first of `bytes`.
  const int turn = 8 * static_cast<int>(offset % key.size());
  const auto quad = std::bit_cast<std::uint32_t>(key);
  const std::uint64_t once = std::endian::native == std::endian::little ? std::rotr(quad, turn) : std::rotl(quad, turn);
  const std::uint64_t pattern = once << 32 | once;

  char* at = bytes.data();
  std::size_t left = bytes.size();
  // Four words per iteration: compilers vectorise it.
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
  const auto last = std::bit_cast<std::array<char, 8>>(pattern);
  for (std::size_t i = 0; i < left; ++i) at[i] = static_cast<char>(at[i] ^ last[i]);
}

}  // namespace sluice::SLUICE_ABI::ws
