// SPDX-License-Identifier: MIT
#include "sluice/json/utf8.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstddef>

#include "json/utf8_sequence.hpp"

namespace sluice::SLUICE_ABI::json {
namespace {

// Where a character begins at the end of the bytes that is not all there; their size if there is none.
std::size_t unfinished_from(std::string_view bytes) noexcept {
  const std::size_t longest = std::min<std::size_t>(3, bytes.size());
  for (std::size_t back = 1; back <= longest; ++back) {
    const auto byte = static_cast<std::uint8_t>(bytes[bytes.size() - back]);
    if ((byte & 0xc0) == 0x80) continue;
    const std::uint8_t missing = utf8_lead(byte).missing;
    return missing != Utf8Lead::illegal && missing >= back ? bytes.size() - back : bytes.size();
  }
  return bytes.size();
}

}  // namespace

bool is_valid_utf8(std::string_view text) noexcept {
  return text.empty() || simdjson::validate_utf8(text.data(), text.size());
}

bool Utf8Validator::feed(std::string_view bytes) noexcept {
  if (missing_ == refused) return false;
  std::size_t at = 0;
  while (missing_ != 0 && at < bytes.size()) {
    if (!step(static_cast<std::uint8_t>(bytes[at++]))) return false;
  }
  bytes.remove_prefix(at);

  const std::size_t whole = unfinished_from(bytes);
  if (!is_valid_utf8(bytes.substr(0, whole))) {
    missing_ = refused;
    return false;
  }
  for (const char byte : bytes.substr(whole)) {
    if (!step(static_cast<std::uint8_t>(byte))) return false;
  }
  return true;
}

bool Utf8Validator::step(std::uint8_t byte) noexcept {
  if (missing_ == 0) {
    const Utf8Lead lead = utf8_lead(byte);
    missing_ = lead.missing;
    lowest_ = lead.lowest;
    highest_ = lead.highest;
    return missing_ != refused;
  }
  if (byte < lowest_ || byte > highest_) {
    missing_ = refused;
    return false;
  }
  --missing_;
  lowest_ = 0x80;
  highest_ = 0xbf;
  return true;
}

}  // namespace sluice::SLUICE_ABI::json
