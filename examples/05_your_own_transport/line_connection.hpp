// SPDX-License-Identifier: MIT
// A connection without a WebSocket: messages as lines of text over TCP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "poll_loop.hpp"
#include "sluice/transport/gateway.hpp"
#include "sluice/transport/limits.hpp"

/// One client. Its first line is a request target, `/ws/chat/lobby/?name=ada`; the answer is `101`, or another HTTP
/// status and the end. From there on every line is a message, in both directions. Lines carry no binary messages, and
/// can't say why they end: a close code is only heard on this side. Its executor only.
class LineConnection final : public sluice::Connection,
                             public Watcher,
                             public std::enable_shared_from_this<LineConnection> {
 public:
  /// Owns the socket. `gone` is called once, when the client has left or was told to.
  LineConnection(int socket, std::string client_address, PollLoop& loop, sluice::Gateway& gateway,
                 const sluice::ServerLimits& limits, std::function<void()> gone);
  ~LineConnection() override;
  void start();
  /// The server stops: the gateway has its say, and close_time to have done with it.
  void stop(const sluice::CloseReason& reason);

  void accept(const sluice::Acceptance& acceptance) override;
  void deny(const sluice::Denial& denial) override;
  void send(const sluice::Frame& frame) override;
  void close(const sluice::CloseReason& reason) override;
  void pause_reading() override { paused_ = true; }
  void resume_reading() override;
  std::size_t queued_bytes() const noexcept override { return out_.size(); }
  void tell_when_drained() override;

  short wants() const override;
  void ready(short events) override;

 private:
  enum class State : std::uint8_t {
    target,     // its first line is not here yet
    handshake,  // the gateway has not answered yet
    open,
    closing,  // what is queued is on its way
    parting,  // all was said: the client is waited for, since what it still sends would make TCP forget the last words
    closed
  };

  void read();
  void write();
  void tell_if_drained();
  void take_lines_soon();
  void take_lines();
  void open(std::string_view target);
  void end(const sluice::CloseReason& reason);

  const int socket_;
  const std::string client_address_;
  PollLoop& loop_;
  sluice::Gateway& gateway_;
  const sluice::ServerLimits& limits_;
  std::function<void()> gone_;

  State state_ = State::target;
  bool paused_ = false;
  bool wants_drained_ = false;
  std::string in_;
  std::string out_;
  sluice::CloseReason reason_;  // why it is closing
  std::shared_ptr<sluice::ConnectionEvents> events_;
};
