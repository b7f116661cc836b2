// SPDX-License-Identifier: MIT
#include "sluice/json/path.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sluice/json/writer.hpp"

namespace sluice::SLUICE_ABI::json {
namespace {

constexpr std::size_t longest_key = 64;  // the peer chooses the keys of a map, so messages must not grow with them

bool is_plain_name(std::string_view key) {
  return !key.empty() && key.size() <= longest_key && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::string with_path(const Path& path, std::string_view what) {
  const std::string where = path.to_string();
  return where.empty() ? std::string(what) : fmt::format("{}: {}", where, what);
}

}  // namespace

std::string Path::to_string() const {
  if (!parent_) return {};
  const std::string before = parent_->to_string();
  if (is_index_) return fmt::format("{}[{}]", before, index_);
  if (is_plain_name(key_)) return before.empty() ? std::string(key_) : fmt::format("{}.{}", before, key_);
  return fmt::format("{}[{}]", before, Writer().value(key_.substr(0, longest_key)).view());
}

Error Path::mismatch(std::string_view expected, Value found) const {
  return {ErrorCode::type_mismatch,
          with_path(*this, fmt::format("expected {}, found {}", expected, json::to_string(found.kind())))};
}

Error Path::not_an_integer_within(std::int64_t lowest, std::uint64_t highest, Value found) const {
  if (!found.is_integer()) return mismatch("an integer", found);
  return {ErrorCode::type_mismatch, with_path(*this, fmt::format("expected an integer from {} to {}, found {}", lowest,
                                                                 highest, found.to_text().view()))};
}

Error Path::missing() const { return {ErrorCode::missing_field, with_path(*this, "missing")}; }

Error Path::within(const Error& error) const { return {error.code(), with_path(*this, error.context())}; }

}  // namespace sluice::SLUICE_ABI::json
