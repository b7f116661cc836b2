// SPDX-License-Identifier: MIT
// Why a connection ends: a WebSocket close code and a short text. Every code the library itself uses is named here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// A WebSocket close code (RFC 6455 section 7.4) with its reason text. A value; it has constructors, so it may stand
/// inside a co_await expression (g++ 12 breaks aggregates there).
class CloseReason {
 public:
  CloseReason() noexcept = default;  // 1000, no text
  CloseReason(std::uint16_t code, std::string text = {}) : code_(code), text_(std::move(text)) {}

  std::uint16_t code() const noexcept { return code_; }
  const std::string& text() const noexcept { return text_; }

  friend bool operator==(const CloseReason&, const CloseReason&) = default;

 private:
  std::uint16_t code_ = 1000;
  std::string text_;
};

/// May an endpoint put this code into a close frame? 1000 to 1014 without 1004, 1005 and 1006, and 3000 to 4999
/// (RFC 6455 section 7.4 and the IANA registry; behaviour LC-14).
SLUICE_API bool may_be_sent(std::uint16_t close_code) noexcept;

/// The longest reason text that fits a close frame: 125 bytes of payload less two for the code (RFC 6455 section 5.5).
inline constexpr std::size_t max_close_text_bytes = 123;

/// The codes by name.
namespace close_code {
inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t going_away = 1001;
inline constexpr std::uint16_t protocol_error = 1002;
inline constexpr std::uint16_t unsupported_data = 1003;
inline constexpr std::uint16_t no_status = 1005;  // never on the wire: the peer's close frame had no code
inline constexpr std::uint16_t abnormal = 1006;   // never on the wire: the connection broke without a close frame
inline constexpr std::uint16_t invalid_payload = 1007;
inline constexpr std::uint16_t policy_violation = 1008;
inline constexpr std::uint16_t too_big = 1009;
inline constexpr std::uint16_t internal_error = 1011;
inline constexpr std::uint16_t service_restart = 1012;
inline constexpr std::uint16_t try_again_later = 1013;
}  // namespace close_code

}  // namespace sluice::SLUICE_ABI
