// SPDX-License-Identifier: MIT
#include "sluice/transport/packed_texts.hpp"

#include <cstdint>
#include <cstring>
#include <limits>

namespace sluice::SLUICE_ABI {
namespace {

template <class Number>
std::size_t load(const char* place) noexcept {
  Number number;
  std::memcpy(&number, place, sizeof number);
  return number;
}

template <class Number>
void store(char* place, std::size_t value) noexcept {
  const auto number = static_cast<Number>(value);
  std::memcpy(place, &number, sizeof number);
}

}  // namespace

PackedTexts::PackedTexts(std::span<const std::string_view> texts) {
  if (texts.empty()) return;
  std::size_t text_bytes = 0;
  for (std::string_view text : texts) text_bytes += text.size();
  const auto size_with = [&](std::size_t width) { return 1 + (texts.size() + 1) * width + text_bytes; };
  const std::size_t width = size_with(2) <= std::numeric_limits<std::uint16_t>::max() ? 2 : 4;
  bytes_.reset(new char[size_with(width)]);
  bytes_[0] = static_cast<char>(width);

  const auto put_number = [&](std::size_t at, std::size_t value) {
    char* const place = bytes_.get() + 1 + at * width;
    width == 2 ? store<std::uint16_t>(place, value) : store<std::uint32_t>(place, value);
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
  const auto width = static_cast<std::size_t>(bytes_[0]);
  const char* const place = bytes_.get() + 1 + at * width;
  return width == 2 ? load<std::uint16_t>(place) : load<std::uint32_t>(place);
}

}  // namespace sluice::SLUICE_ABI
