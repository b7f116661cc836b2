// SPDX-License-Identifier: MIT
// The two interfaces of a connection: calls to the transport, and its callbacks.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/core/close_reason.hpp"
#include "sluice/transport/frame.hpp"
#include "sluice/transport/message.hpp"

namespace sluice::SLUICE_ABI {

/// How a handshake is answered when the connection is wanted. It has constructors, so it may stand in a co_await. A
/// value.
class Acceptance {
 public:
  Acceptance() = default;
  explicit Acceptance(std::string subprotocol, std::vector<std::pair<std::string, std::string>> headers = {})
      : subprotocol_(std::move(subprotocol)), headers_(std::move(headers)) {}

  /// One of the client's offers, or empty for none.
  const std::string& subprotocol() const noexcept { return subprotocol_; }
  /// Further response headers.
  const std::vector<std::pair<std::string, std::string>>& headers() const noexcept { return headers_; }

 private:
  std::string subprotocol_;
  std::vector<std::pair<std::string, std::string>> headers_;
};

/// How a handshake is answered when the connection is not wanted: an HTTP response instead of the upgrade. A value.
class Denial {
 public:
  Denial(int http_status = 403, std::string body = {}, std::vector<std::pair<std::string, std::string>> headers = {})
      : http_status_(http_status), body_(std::move(body)), headers_(std::move(headers)) {}

  int http_status() const noexcept { return http_status_; }
  const std::string& body() const noexcept { return body_; }
  const std::vector<std::pair<std::string, std::string>>& headers() const noexcept { return headers_; }

 private:
  int http_status_;
  std::string body_;
  std::vector<std::pair<std::string, std::string>> headers_;
};

/// One connection as a transport offers it: write-only, and no call ever waits. accept() or deny() comes first, once.
/// After close(), or once the peer has disconnected, every call is a no-op. No call makes a callback of
/// ConnectionEvents before it returns. Its executor only.
class SLUICE_API Connection {
 public:
  virtual ~Connection() = default;
  /// Completes the handshake. Earlier sends are dropped: a consumer's session keeps the order.
  virtual void accept(const Acceptance& acceptance) = 0;
  /// Refuses the handshake. on_closed follows, with 1006.
  virtual void deny(const Denial& denial) = 0;
  /// Queues one or more encoded messages. They leave together at the end of the loop turn. Past the limit on queued
  /// bytes the connection closes as too slow, with on_closed to follow.
  virtual void send(const Frame& frame) = 0;
  /// Sends a close frame behind what is queued, and ends. on_closed follows, once. A code that must not be sent (RFC
  /// 6455 section 7.4) becomes 1011.
  virtual void close(const CloseReason& reason) = 0;
  /// Stops delivering messages, and soon stops reading: the peer's TCP then waits. The peer's close is delivered behind
  /// its messages. Both are delivered during a pause if it lasts longer than ServerLimits::close_time, or if the
  /// connection is lost.
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;
  /// Bytes sent but not yet taken by the network. With more than ConsumerLimits::slow_bytes the peer is slow.
  virtual std::size_t queued_bytes() const noexcept = 0;
  /// Requests one on_drained() once the queue is empty; soon, if it is empty now.
  virtual void tell_when_drained() = 0;
};

/// The callbacks of a connection. Called on its executor, never from inside a call of Connection. Its executor only.
class SLUICE_API ConnectionEvents {
 public:
  virtual ~ConnectionEvents() = default;
  virtual void on_message(Message message) = 0;
  /// The queue is empty: the answer to tell_when_drained(), unless the connection ends before.
  virtual void on_drained() {}
  /// The server stops: send last messages, and close the connection with this reason or another. Called at most once,
  /// after accept(). Connections that are open after StopOptions::grace are cut off.
  virtual void on_stop(const CloseReason& reason) = 0;
  /// The last call, exactly once: the peer's close code, 1005 for none, 1006 for a lost connection, or the code that
  /// this side closed with (behaviour LC-21).
  virtual void on_closed(const CloseReason& reason) = 0;
};

}  // namespace sluice::SLUICE_ABI
