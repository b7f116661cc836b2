// SPDX-License-Identifier: MIT
// What a broadcast says to clients.
#pragma once

#include <concepts>
#include <string>
#include <utility>

#include "sluice/json/fields.hpp"
#include "sluice/json/text.hpp"

namespace sluice {

/// What clients are to hear: a json::Text as it is (an empty one is null), or anything that json::encode knows; a
/// std::string becomes a JSON string. Immutable: share freely.
class Payload {
 public:
  Payload(json::Text encoded) : text_(encoded.empty() ? json::Text("null") : std::move(encoded)) {}
  template <class T>
  requires(!std::same_as<T, Payload> && !std::same_as<T, json::Text>) Payload(const T& content)
      : Payload(json::encode(content)) {}
  /// The newest word on what `key` names: where a group is WhenSlow::keep_latest, it takes the place of an older one.
  ///
  ///     prices->broadcast(layer, page, sluice::Payload(tick, "EURUSD"));
  template <class T>
  Payload(const T& content, std::string key) : Payload(content) {
    key_ = std::move(key);
  }

  const json::Text& text() const noexcept { return text_; }
  /// Empty: the newest word on the whole group.
  const std::string& key() const noexcept { return key_; }

 private:
  json::Text text_;
  std::string key_;
};

}  // namespace sluice
