// SPDX-License-Identifier: MIT
// The requests of one connection, one after the other, each with its body. No socket.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "sluice/http/head.hpp"
#include "sluice/ws/handshake.hpp"

namespace sluice::SLUICE_ABI::net {

/// Bytes in, whole requests out. What follows a request stays in `input`. After `upgrade` and `refused` the HTTP part
/// of the connection is over. One thread at a time.
class HttpReader {
 public:
  enum class Step : std::uint8_t {
    need_more,
    expects_continue,  // send http::continue_response, then go on
    request,           // head() and take_body()
    upgrade,           // head() and upgrade()
    refused,           // refusal()
  };

  explicit HttpReader(const ServerLimits& limits) : heads_(limits) {}

  Step next(std::string_view& input);
  /// True if a part of the next request has arrived.
  bool begun() const noexcept { return begun_; }
  /// True if the last request is a HEAD, as far as it is known: its response has no body.
  bool head_only() const noexcept { return head_only_; }
  /// Memory in use for a body that has begun, in bytes.
  std::size_t held_bytes() const noexcept { return in_body_ ? body_.capacity() : 0; }
  http::Head& head() noexcept { return head_; }
  std::string take_body() noexcept { return std::exchange(body_, {}); }
  ws::Upgrade& upgrade() noexcept { return upgrade_; }
  const http::Refusal& refusal() const noexcept { return refusal_; }

 private:
  Step judge();
  Step read_body(std::string_view& input);

  http::HeadParser heads_;
  bool begun_ = false;
  bool in_body_ = false;
  bool head_only_ = false;
  http::Head head_;
  std::string body_;
  ws::Upgrade upgrade_;
  http::Refusal refusal_;
};

}  // namespace sluice::SLUICE_ABI::net
