// SPDX-License-Identifier: MIT
// The content of a broadcast.
#pragma once

#include <concepts>
#include <string>
#include <utility>

#include "sluice/abi.hpp"
#include "sluice/json/fields.hpp"
#include "sluice/json/text.hpp"

namespace sluice::SLUICE_ABI {

/// The message for clients: a json::Text unchanged (an empty one is null), or any value that json::encode takes; a
/// std::string becomes a JSON string. Immutable: share freely.
class Payload {
 public:
  Payload(json::Text encoded) : text_(encoded.empty() ? json::Text("null") : std::move(encoded)) {}
  template <class T>
  requires(!std::same_as<T, Payload> && !std::same_as<T, json::Text>) Payload(const T& content)
      : Payload(json::encode(content)) {}
  /// Supersedes an older payload with the same `key` where a group is WhenSlow::keep_latest:
  ///
  ///     prices->broadcast(layer, page, sluice::Payload(tick, "EURUSD"));
  template <class T>
  Payload(const T& content, std::string key) : Payload(content) {
    key_ = std::move(key);
  }

  const json::Text& text() const noexcept { return text_; }
  /// Empty: it supersedes all older payloads of the group.
  const std::string& key() const noexcept { return key_; }

 private:
  json::Text text_;
  std::string key_;
};

}  // namespace sluice::SLUICE_ABI
