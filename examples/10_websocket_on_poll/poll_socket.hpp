// SPDX-License-Identifier: MIT
// A WebSocket on poll(2): Sluice's protocol without its sockets.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "05_your_own_transport/poll_loop.hpp"
#include "sluice/http/response.hpp"
#include "sluice/transport/gateway.hpp"
#include "sluice/ws/handshake.hpp"
#include "sluice/ws/server_protocol.hpp"
#include "sluice/ws/shared_deflate.hpp"

/// One client. The socket does not block, and belongs to it. Its executor only.
class PollSocket final : public sluice::Connection, public Watcher, public std::enable_shared_from_this<PollSocket> {
 public:
  /// `gone` is called once, when the connection has ended.
  PollSocket(int socket, PollLoop& loop, sluice::Gateway& gateway, const sluice::ServerLimits& limits,
             std::function<void()> gone);
  ~PollSocket() override;
  void start();
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
  enum class State { http, opening, open, closing, leaving, over };  // leaving: all is said, and is being written

  void read();
  void use(std::span<char> input);
  void take_step(sluice::ws::ServerProtocol::Step step);
  void open();
  void respond(const std::string& response);
  void leave();
  void say_close(const sluice::CloseReason& reason, State next);
  void write();
  void end(const sluice::CloseReason& reason);
  void later(std::chrono::milliseconds delay, void (PollSocket::*what)());
  void use_kept();
  void report_drained();
  void time_out() { end(reason_); }
  void expire() {
    if (state_ < State::open) end(reason_);
  }

  const int socket_;
  PollLoop& loop_;
  sluice::Gateway& gateway_;
  const sluice::ServerLimits& limits_;
  const std::function<void()> gone_;
  State state_ = State::http;
  bool paused_ = false, wants_drained_ = false;
  sluice::http::HeadParser parser_;
  sluice::ws::Upgrade upgrade_;
  sluice::ws::ServerProtocol protocol_;
  std::shared_ptr<sluice::ws::FrameDeflater> deflater_;  // null: messages are not compressed
  std::string kept_, out_;                               // read and not used yet; sent and not written yet
  sluice::CloseReason reason_{sluice::close_code::abnormal};
  std::shared_ptr<sluice::ConnectionEvents> events_;
};
