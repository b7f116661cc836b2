// SPDX-License-Identifier: MIT
// The parameters of a page: as received, for the answer, and normalised, for everything else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/core/result.hpp"
#include "sluice/json/text.hpp"
#include "sluice/json/value.hpp"
#include "sluice/json/writer.hpp"

namespace sluice::SLUICE_ABI {

/// The JSON that a parameter accepts (behaviour CC-13).
enum class ParameterKind : std::uint8_t {
  integer,  // 7, and equal spellings: 7.0, 7e0, "7"; not "07", true or 7.5
  text,     // a string of up to max_text_parameter_bytes; not a number
};

/// One parameter that a page type declares. A value.
struct PageParameter {
  std::string name;
  ParameterKind kind = ParameterKind::integer;
  bool optional = false;                                           // may be null, or left out
  std::int64_t lowest = std::numeric_limits<std::int64_t>::min();  // of an integer
  std::int64_t highest = std::numeric_limits<std::int64_t>::max();
};

/// A longer text is refused: subscriptions are kept as long as their connection.
inline constexpr std::size_t max_text_parameter_bytes = 8 * 1024;

/// The declared parameters of one page, in their declared order. Two pages of a type are the same if their canonical
/// texts are: 7, 7.0 and "7" are one page (behaviour CC-13). One thread at a time.
class SLUICE_API PageParameters {
 public:
  PageParameters() = default;

  /// Takes the declared parameters out of a client's message and leaves its other keys (behaviour CC-9). The answer to
  /// the client is written in this style.
  static PageParameters read(const std::vector<PageParameter>& declared, json::Value message,
                             json::Style style = json::Style::compact);

  /// True if every parameter fits its declaration; otherwise the three functions below return nothing.
  const Result<void>& fit() const noexcept { return fit_; }
  /// A parameter's value; empty when it is optional and absent, or of the other kind.
  std::optional<std::int64_t> integer(std::string_view name) const noexcept;
  std::optional<std::string_view> text(std::string_view name) const noexcept;
  /// The normalised values as a JSON array: `[7,"grid",null]`.
  const std::string& canonical() const noexcept { return canonical_; }

  /// The parameters with the values that the client sent, valid or not, and null for a missing one: `{"table_id":"7"}`
  /// (behaviour CC-9, CC-12).
  const json::Text& received() const noexcept { return received_; }
  /// The memory of this object in bytes.
  std::size_t memory() const noexcept;

 private:
  using Normal = std::variant<std::monostate, std::int64_t, std::string>;
  const Normal* find(std::string_view name) const noexcept;
  static Result<Normal> normalise(const PageParameter& declared, json::Value value);

  Result<void> fit_;
  std::vector<std::pair<std::string, Normal>> values_;
  std::string canonical_;
  json::Text received_;
};

}  // namespace sluice::SLUICE_ABI
