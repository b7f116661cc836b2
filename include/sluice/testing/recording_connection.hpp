// SPDX-License-Identifier: MIT
// A connection without a network: it records all calls, and plays the peer.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "sluice/abi.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/transport/connection.hpp"
#include "sluice/transport/gateway.hpp"

namespace sluice::SLUICE_ABI::testing {

/// One event of a peer: the handshake's answer, a message, or the end. A value.
using Heard = std::variant<Acceptance, Denial, Message, CloseReason>;

/// As a line of a transcript: `accept`, `accept chat`, `deny 403`, `text: hello`, `binary: 00ff`, `close 1000 bye`.
SLUICE_API std::string to_string(const Heard& heard);

/// A Connection that records all calls, and a peer that the test moves. Like a real connection, it calls
/// ConnectionEvents from jobs of its executor only, reports the end exactly once, and ignores every call after that.
/// Calls that break the contract, such as a send before accept, are in the transcript as lines that begin with `BUG`.
///
///     auto connection = std::make_shared<RecordingConnection>(executor);
///     connection->open(gateway, Scope(request));
///     connection->say(Message::text("hello"));
///     executor.run_all();
///     CHECK(connection->transcript() == "accept\ntext: hello to you");
///
/// Its executor only; a test with a ManualExecutor may call it from outside as well.
class SLUICE_API RecordingConnection final : public Connection,
                                             public std::enable_shared_from_this<RecordingConnection> {
 public:
  explicit RecordingConnection(Executor& executor);
  ~RecordingConnection() override;

  // --- the peer
  /// Opens the handshake at the gateway, at once. Call it once, on the executor (ManualExecutor::run).
  void open(Gateway& gateway, Scope scope);
  /// For a test without a Gateway: the receiver of this connection's events.
  void attach(std::shared_ptr<ConnectionEvents> events);
  /// Sends a message. It arrives as a job, behind earlier messages, and not while reading is paused.
  void say(Message message);
  /// Sends a close frame behind earlier messages. A reason with 1005 means a close frame without a code.
  void say_close(CloseReason reason);
  /// The server stops: calls on_stop() in a job.
  void stop(CloseReason reason = close_code::service_restart);
  /// Breaks the connection: messages that have not arrived are lost too, and the end is reported with 1006.
  void vanish();
  /// Stops reading: queued_bytes grows, and above `limit` the connection ends with 1013.
  void stall(std::size_t limit);
  /// Reads everything that is queued, and whatever follows.
  void unstall();
  /// Sets the result of queued_bytes(), whatever was sent.
  void set_queued_bytes(std::size_t bytes);

  // --- what the peer received
  /// Everything so far, one line each, including `pause` and `resume`.
  const std::string& transcript() const noexcept { return transcript_; }
  /// The same, and clears it.
  std::string take_transcript() { return std::exchange(transcript_, {}); }
  /// The next event that the peer has not taken yet.
  std::optional<Heard> take();
  const std::deque<Heard>& untaken() const noexcept { return heard_; }

  bool accepted() const noexcept { return accepted_; }
  /// True once the end was reported.
  bool ended() const noexcept { return ended_; }
  /// True once the ConnectionEvents object is destroyed.
  bool released() const noexcept { return opened_.expired(); }
  bool paused() const noexcept { return paused_; }
  /// The number of send() calls; one call may have several messages.
  std::size_t sends() const noexcept { return sends_; }
  /// The number of messages that have not arrived.
  std::size_t undelivered() const noexcept { return said_.size(); }

  // --- Connection
  void accept(const Acceptance& acceptance) override;
  void deny(const Denial& denial) override;
  void send(const Frame& frame) override;
  void close(const CloseReason& reason) override;
  void pause_reading() override;
  void resume_reading() override;
  std::size_t queued_bytes() const noexcept override { return queued_bytes_; }
  void tell_when_drained() override;

 private:
  void deliver_later();
  void deliver();
  void end_later(CloseReason reason);
  void tell_end(const CloseReason& reason);
  void hear(Heard heard);
  void write(std::string_view line);
  bool works(std::string_view what, bool in_order);
  void tell_if_drained();

  Executor& executor_;
  std::shared_ptr<ConnectionEvents> events_;
  std::weak_ptr<ConnectionEvents> opened_;
  std::deque<std::variant<Message, CloseReason>> said_;
  std::deque<Heard> heard_;
  std::string transcript_;
  std::optional<std::size_t> stalled_at_;
  std::size_t queued_bytes_ = 0;
  std::size_t sends_ = 0;
  bool accepted_ = false;
  bool ending_ = false;  // denied, closed or vanished: further calls have no effect
  bool ended_ = false;   // on_closed was called
  bool paused_ = false;
  bool delivery_posted_ = false;
  bool wants_drained_ = false;
};

}  // namespace sluice::SLUICE_ABI::testing
