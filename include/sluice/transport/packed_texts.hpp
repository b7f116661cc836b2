// SPDX-License-Identifier: MIT
// A short list of texts in one allocation, in which an idle connection keeps its request.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// Texts that never change, one allocation for all of them. Moves; One thread at a time.
class SLUICE_API PackedTexts {
 public:
  PackedTexts() noexcept = default;
  explicit PackedTexts(std::span<const std::string_view> texts);

  std::size_t size() const noexcept { return bytes_ ? number(0) : 0; }
  std::string_view operator[](std::size_t index) const noexcept {
    const std::size_t begin = index == 0 ? first() : number(index);
    return {bytes_.get() + begin, number(index + 1) - begin};
  }

 private:
  // bytes_: how wide numbers are, 2 or 4 bytes as the largest needs; how many texts, where each ends; and the texts.
  std::size_t number(std::size_t at) const noexcept;
  std::size_t first() const noexcept { return 1 + (size() + 1) * static_cast<std::size_t>(bytes_[0]); }

  std::unique_ptr<char[]> bytes_;
};

}  // namespace sluice::SLUICE_ABI
