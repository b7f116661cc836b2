// SPDX-License-Identifier: MIT
// One whole message from a client.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// The two kinds of data message (RFC 6455 section 5.6).
enum class MessageKind : std::uint8_t { text = 1, binary = 2 };

/// One whole message, its fragments joined. A text message is valid UTF-8. A value.
class Message {
 public:
  Message() noexcept = default;
  Message(MessageKind kind, std::string data) noexcept : kind_(kind), data_(std::move(data)) {}
  static Message text(std::string data) noexcept { return {MessageKind::text, std::move(data)}; }
  static Message binary(std::string data) noexcept { return {MessageKind::binary, std::move(data)}; }

  MessageKind kind() const noexcept { return kind_; }
  bool is_text() const noexcept { return kind_ == MessageKind::text; }
  bool is_binary() const noexcept { return kind_ == MessageKind::binary; }
  std::string_view data() const noexcept { return data_; }
  /// Moves the bytes out.
  std::string take_data() && noexcept { return std::move(data_); }

  friend bool operator==(const Message&, const Message&) = default;

 private:
  MessageKind kind_ = MessageKind::text;
  std::string data_;
};

}  // namespace sluice::SLUICE_ABI
