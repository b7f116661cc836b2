// SPDX-License-Identifier: MIT
#include "sluice/transport/packed_texts.hpp"

#include <cstring>

namespace sluice {

PackedTexts::PackedTexts(std::span<const std::string_view> texts) {
  if (texts.empty()) return;
  std::size_t bytes = (texts.size() + 1) * sizeof(std::uint32_t);
  for (std::string_view text : texts) bytes += text.size();
  bytes_.reset(new char[bytes]);

  const auto put_number = [this](std::size_t at, std::size_t value) {
    const auto number = static_cast<std::uint32_t>(value);
    std::memcpy(bytes_.get() + at * sizeof number, &number, sizeof number);
  };
  put_number(0, texts.size());
  std::size_t end = first();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!texts[i].empty()) std::memcpy(bytes_.get() + end, texts[i].data(), texts[i].size());
    end += texts[i].size();
    put_number(i + 1, end);
  }
}

std::size_t PackedTexts::number(std::size_t at) const noexcept {
  std::uint32_t number = 0;
  std::memcpy(&number, bytes_.get() + at * sizeof number, sizeof number);
  return number;
}

}  // namespace sluice
