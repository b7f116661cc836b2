// SPDX-License-Identifier: MIT
// JSON text, parsed. It owns what the Values look at.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "sluice/abi.hpp"
#include "sluice/core/result.hpp"
#include "sluice/json/value.hpp"

namespace sluice::SLUICE_ABI::json {

/// Arrays and objects may stand inside each other this deep; deeper texts are refused (RFC 8259 section 9).
inline constexpr std::size_t max_depth = 512;

/// A parsed JSON text. Values, and the string_views read from them, live as long as the Document, and a move of the
/// Document leaves them valid. It keeps about ten bytes per byte of text. Immutable: share freely.
///
///   auto document = json::Document::parse(R"({"page":"table","table_id":7})");
///   if (!document) return document.error();
///   auto page = document->root()["page"].as_string();
class SLUICE_API Document {
 public:
  /// Parses one JSON text of any kind (RFC 8259); the bytes are not needed afterwards. Fails with
  /// - number_too_large: a number that fits neither a 64-bit integer nor, if written as one, a double;
  /// - limit_exceeded: nested deeper than max_depth, or 4 GiB and longer;
  /// - parse_failed: anything else, also NaN and Infinity (behaviour LC-19), a byte order mark, bad UTF-8, an escaped
  ///   lone surrogate, nothing at all, and more than one value.
  /// Duplicate keys are accepted: the last one wins (behaviour LC-19). Any thread.
  static Result<Document> parse(std::string_view text);

  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();

  /// The text's one value; missing once the Document was moved from.
  const Value& root() const noexcept;
  /// How many bytes of memory it takes, about: it grows with the text, up to 11 times of it.
  std::size_t memory() const noexcept;

 private:
  struct Tree;
  explicit Document(std::unique_ptr<Tree> tree) noexcept;

  std::unique_ptr<Tree> tree_;
};

}  // namespace sluice::SLUICE_ABI::json
