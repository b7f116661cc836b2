// SPDX-License-Identifier: MIT
// The place of a decoder in a document, for error messages: `rows[3].id`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/abi.hpp"
#include "sluice/core/error.hpp"
#include "sluice/json/value.hpp"

namespace sluice::SLUICE_ABI::json {

/// A step from the root; lives on the decoder's stack and is only spelled out when something fails.
/// One thread at a time.
class SLUICE_API Path {
 public:
  Path() noexcept = default;  // the root
  Path(const Path& parent, std::string_view key) noexcept : parent_(&parent), key_(key) {}
  Path(const Path& parent, std::size_t index) noexcept : parent_(&parent), index_(index), is_index_(true) {}

  /// "rows[3].id"; the root is "".
  std::string to_string() const;

  /// type_mismatch `rows[3].id: expected an integer, found a string`.
  Error mismatch(std::string_view expected, Value found) const;
  /// type_mismatch `rows[3].id: expected an integer from 0 to 255, found 300`, or `expected an integer, found a
  /// string`.
  Error not_an_integer_within(std::int64_t lowest, std::uint64_t highest, Value found) const;
  /// missing_field `rows[3].id: missing`.
  Error missing() const;
  /// An error of an inner value, with this path in front.
  Error within(const Error& error) const;

 private:
  const Path* parent_ = nullptr;
  std::string_view key_;
  std::size_t index_ = 0;
  bool is_index_ = false;
};

}  // namespace sluice::SLUICE_ABI::json
