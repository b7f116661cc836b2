// SPDX-License-Identifier: MIT
// A second decompressor (RFC 1951): slow, strict, and it reports how far back the data refers.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

class PlainInflate {
 public:
  std::size_t farthest = 0;  // the largest distance of a match

  /// One message as RFC 7692 section 7.2.2 has it: ended by the block whose last four bytes were left out_. Returns it.
  std::string message(std::string_view payload) {
    const std::string bytes = std::string(payload) + std::string("\0\0\xff\xff", 4);
    const std::size_t begin = out_.size();
    input_ = bytes;
    bit_ = 0;
    while (bit_ < input_.size() * 8) block();
    return out_.substr(begin);
  }

 private:
  // Canonical (RFC 1951 section 3.2.2): among those of one length, codes are in the symbols' order.
  class Code {
   public:
    Code() = default;
    explicit Code(const std::vector<int>& lengths) {
      for (int length = 1; length <= 15; ++length) {
        for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
          if (lengths[symbol] == length) symbols_[static_cast<std::size_t>(length)].push_back(symbol);
        }
      }
    }
    template <class NextBit>
    std::size_t read(NextBit next_bit) const {
      std::size_t code = 0, first = 0;
      for (std::size_t length = 1; length <= 15; ++length) {
        code = code << 1 | next_bit();
        first <<= 1;
        if (code < first + symbols_[length].size()) return symbols_[length][code - first];
        first += symbols_[length].size();
      }
      throw std::runtime_error("no such code");
    }

   private:
    std::array<std::vector<std::size_t>, 16> symbols_;  // by the length of their code
  };

  std::size_t bits(int count) {
    std::size_t value = 0;
    for (int i = 0; i < count; ++i, ++bit_) {
      if (bit_ / 8 >= input_.size()) throw std::runtime_error("the data ends in the middle");
      value |= std::size_t{(static_cast<unsigned char>(input_[bit_ / 8]) >> (bit_ % 8)) & 1U} << i;
    }
    return value;
  }
  void block() {
    bits(1);  // the last of its stream or not: in a message another may follow
    switch (bits(2)) {
      case 0: return stored();
      case 1: return fixed();
      case 2: return dynamic();
      default: throw std::runtime_error("no such kind of block");
    }
  }
  void stored() {
    bit_ = (bit_ + 7) / 8 * 8;
    const std::size_t length = bits(16);
    if (bits(16) != (length ^ 0xffff)) throw std::runtime_error("a stored block's length is wrong");
    for (std::size_t i = 0; i < length; ++i) out_ += static_cast<char>(bits(8));
  }
  void fixed() {
    std::vector<int> lengths(288, 8);
    std::fill(lengths.begin() + 144, lengths.begin() + 256, 9);
    std::fill(lengths.begin() + 256, lengths.begin() + 280, 7);
    symbols(Code(lengths), Code(std::vector<int>(30, 5)));
  }
  void dynamic() {
    static constexpr std::array<std::size_t, 19> order = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                          11, 4,  12, 3, 13, 2, 14, 1, 15};
    const std::size_t literals = bits(5) + 257, distances = bits(5) + 1, count = bits(4) + 4;
    std::vector<int> meta_lengths(19, 0);
    for (std::size_t i = 0; i < count; ++i) meta_lengths[order[i]] = static_cast<int>(bits(3));
    const Code meta(meta_lengths);
    std::vector<int> lengths;
    while (lengths.size() < literals + distances) {
      const std::size_t symbol = decode(meta);
      const int value = symbol < 16 ? static_cast<int>(symbol) : symbol == 16 ? lengths.back() : 0;
      const std::size_t repeat = symbol < 16    ? 1
                                 : symbol == 16 ? 3 + bits(2)
                                 : symbol == 17 ? 3 + bits(3)
                                                : 11 + bits(7);
      lengths.insert(lengths.end(), repeat, value);
    }
    const auto border = lengths.begin() + static_cast<std::ptrdiff_t>(literals);
    symbols(Code({lengths.begin(), border}), Code({border, lengths.end()}));
  }
  void symbols(const Code& literals, const Code& distances) {
    for (std::size_t symbol = decode(literals); symbol != 256; symbol = decode(literals)) {
      if (symbol < 256) {
        out_ += static_cast<char>(symbol);
        continue;
      }
      const std::size_t length = length_of(symbol - 257);
      const std::size_t distance = distance_of(decode(distances));
      if (distance > out_.size()) throw std::runtime_error("a match begins before the data");
      farthest = std::max(farthest, distance);
      for (std::size_t i = 0; i < length; ++i) out_ += out_[out_.size() - distance];
    }
  }
  std::size_t length_of(std::size_t code) {
    if (code < 8) return code + 3;
    if (code == 28) return 258;
    const int extra = static_cast<int>(code / 4) - 1;
    return ((4 + code % 4) << extra) + 3 + bits(extra);
  }
  std::size_t distance_of(std::size_t code) {
    if (code < 4) return code + 1;
    const int extra = static_cast<int>(code / 2) - 1;
    return ((2 + code % 2) << extra) + 1 + bits(extra);
  }
  std::size_t decode(const Code& code) {
    return code.read([this] { return bits(1); });
  }

  std::string out_;  // of all messages so far
  std::string_view input_;
  std::size_t bit_ = 0;
};

}  // namespace sluice::test
