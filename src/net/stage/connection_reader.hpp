// SPDX-License-Identifier: MIT
// Reads the socket of one connection, and decides in which turn the bytes are used.
#pragma once

#include <cstdint>
#include <span>

#include "net/loop/poller.hpp"

namespace sluice::SLUICE_ABI::net {

class AsioConnection;

/// Reads when the poller reports readiness, into the shard's one buffer, and passes the bytes to the stage that wants
/// them; others are kept. A connection that has had its share of a turn continues in a later one. A part of the
/// connection that each call names. Its executor only.
class ConnectionReader {
 public:
  void on_readable(AsioConnection& connection, Poller::Readiness ready);
  /// Continues in a later turn.
  void resume_soon(AsioConnection& connection);
  /// While reading is paused: checks for the peer's end.
  void look_again(AsioConnection& connection);
  /// Continues with postponed bytes; a connection that has failed delivers earlier messages.
  void resume(AsioConnection& connection);
  /// The connection has had its share of this turn.
  void yield() noexcept { greedy_ = true; }
  /// Reads on if there is something to read.
  void read_on(AsioConnection& connection);
  /// Reads what has arrived, now that a deadline has passed: bytes that wait in the kernel have arrived in time, and
  /// this thread is late, not the client. Returns whether the connection still speaks HTTP.
  bool read_late_bytes(AsioConnection& connection);

 private:
  // True if bytes were read that are not wanted yet.
  static bool has_kept(const AsioConnection& connection) noexcept;
  bool reads_now(const AsioConnection& connection) const noexcept;
  void use_unread(AsioConnection& connection);
  void read_burst(AsioConnection& connection);
  void read_failed(AsioConnection& connection);
  void look_for_loss(AsioConnection& connection);
  std::span<char> use(AsioConnection& connection, std::span<char> input);
  void keep(AsioConnection& connection, std::span<char> rest);
  void use_kept(AsioConnection& connection);
  void on_end(AsioConnection& connection);
  void count_unused(AsioConnection& connection);
  void deliver_rest(AsioConnection& connection);

  bool unread_ : 1 = false;      // the socket may hold bytes, which the poller does not report again
  bool peer_ended_ : 1 = false;  // behind what is unread
  bool resumes_soon_ : 1 = false;
  bool greedy_ : 1 = false;  // it has had its share of a turn
};

}  // namespace sluice::SLUICE_ABI::net
