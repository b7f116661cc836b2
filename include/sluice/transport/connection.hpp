// SPDX-License-Identifier: MIT
// The two halves of a connection: what a transport gives us, and what we give a transport.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "sluice/core/close_reason.hpp"
#include "sluice/transport/frame.hpp"
#include "sluice/transport/message.hpp"

namespace sluice {

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

/// One connection as a transport offers it: write-only, and no call ever waits. accept or deny comes first, once; after
/// close, or once the peer is gone, every call is a no-op. Nothing here calls back into ConnectionEvents before it
/// returns. Its executor only.
class Connection {
 public:
  virtual ~Connection() = default;
  /// Completes the handshake. What is sent before goes nowhere: a consumer's session sees to the order.
  virtual void accept(const Acceptance& acceptance) = 0;
  /// Refuses the handshake. on_closed follows, with 1006.
  virtual void deny(const Denial& denial) = 0;
  /// Queues one or more encoded messages. They leave together at the end of the loop turn. Past the limit on queued
  /// bytes the connection closes as too slow, with on_closed to follow.
  virtual void send(const Frame& frame) = 0;
  /// Sends a close frame behind what is queued, and ends. on_closed follows, once. A code that RFC 6455 lets nobody
  /// send becomes 1011.
  virtual void close(const CloseReason& reason) = 0;
  /// Stops delivering messages, and soon stops reading: the peer's TCP then waits. The peer's close comes behind its
  /// messages; both come all the same if this takes longer than ServerLimits::close_time, or the connection is lost.
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;
  /// Bytes sent but not yet taken by the network. More than ConsumerLimits::slow_bytes of them: the peer is slow.
  virtual std::size_t queued_bytes() const noexcept = 0;
  /// Asks for one on_drained, once nothing is queued any more; soon, if nothing is now.
  virtual void tell_when_drained() = 0;
};

/// What hears a connection. Called on the connection's executor, never from inside a call of Connection.
/// Its executor only.
class ConnectionEvents {
 public:
  virtual ~ConnectionEvents() = default;
  virtual void on_message(Message message) = 0;
  /// Nothing is queued any more: the answer to tell_when_drained, unless the connection ends before.
  virtual void on_drained() {}
  /// The server stops: say what is left to be said, and close the connection with this reason, or one of your own. Told
  /// at most once, after accept; whoever has not closed when the server's patience ends is cut off.
  virtual void on_stop(const CloseReason& reason) = 0;
  /// The last call, exactly once: the peer's close code, 1005 when it gave none, 1006 when it vanished, or the code
  /// this side closed with (behaviour LC-21).
  virtual void on_closed(const CloseReason& reason) = 0;
};

}  // namespace sluice
