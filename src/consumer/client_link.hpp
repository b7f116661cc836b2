// SPDX-License-Identifier: MIT
// A session's side of its connection: the handshake's answer, sends, and the close.
#pragma once

#include <cstdint>
#include <memory>

#include "consumer/delivery_queue.hpp"
#include "consumer/host_state.hpp"
#include "sluice/core/close_reason.hpp"
#include "sluice/transport/connection.hpp"
#include "sluice/transport/scope.hpp"

namespace sluice::SLUICE_ABI {

/// It is open until this side ends the connection (closing), or the connection has ended (closed). Its executor only.
class ClientLink {
 public:
  explicit ClientLink(std::shared_ptr<Connection> connection) noexcept;
  /// Releases the connection, which may hold the session.
  void release() noexcept;

  bool open() const noexcept { return !closing_ && !closed_; }
  bool closing() const noexcept { return closing_; }
  bool closed() const noexcept { return closed_; }
  void set_closing() noexcept { closing_ = true; }
  void set_closed() noexcept { closed_ = true; }

  bool answered() const noexcept { return answer_ != Answer::none; }
  bool accepted() const noexcept { return answer_ == Answer::accepted; }
  bool connected() const noexcept { return accepted() && open(); }
  /// Both throw std::logic_error when the handshake was answered already, and std::invalid_argument.
  void accept(const Acceptance& acceptance, const Scope& scope, HostState::Counters& counters);
  void deny(const Denial& denial, HostState::Counters& counters);
  /// Sends waiting messages and a close frame; before accept it denies the handshake with this status. Messages without
  /// memory are not sent; the close is tried twice.
  void close(const CloseReason& reason, int status_before_accept, const DeliveryQueue::Context& context) noexcept;

  /// The client is not read until resume_reading().
  void pause_reading();
  /// False: it was not paused.
  bool resume_reading();
  bool paused() const noexcept { return paused_; }

  DeliveryQueue& delivery() noexcept { return delivery_; }
  const DeliveryQueue& delivery() const noexcept { return delivery_; }
  Connection& connection() const noexcept { return delivery_.connection(); }

 private:
  enum class Answer : std::uint8_t { none, accepted, denied };

  [[no_unique_address]] DeliveryQueue delivery_;  // the next members are in its padding
  Answer answer_ : 2 = Answer::none;
  bool paused_ : 1 = false;
  // Separate bytes: a call from a wrong thread reads them before it is refused.
  bool closing_ = false;
  bool closed_ = false;
};

}  // namespace sluice::SLUICE_ABI
