// SPDX-License-Identifier: MIT
// Checks that publications through one host reach this process: its own messages must come back.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::redis {

/// The decision, without sockets. A publication that this process must receive itself counts as a proof; without
/// traffic a probe is sent. Redis must accept either before it can count as missing, so a slow Redis is not taken for a
/// connection that does not deliver. Time is counted in ticks of the owner's timer, so that a process that was stopped
/// or busy raises no alarm. One thread at a time.
class EchoProof {
 public:
  static constexpr auto tick_time = std::chrono::milliseconds(250);
  // A probe after 28 s and 1 s of patience: a loss is found within 30 s.
  static constexpr unsigned ticks_of_silence = 112;
  static constexpr unsigned echo_patience = 2;            // then a probe is sent
  static constexpr unsigned probe_patience = 4;           // then the connection does not deliver
  static constexpr std::size_t most_watched = 64 * 1024;  // bytes; a larger message is not hashed for this

  enum class Step : std::uint8_t { wait, probe, deaf };

  /// A new connection: no message is on its way.
  void reset() noexcept;
  /// Once per tick_time. `behind`: earlier data still arrives, so the answer may be behind it.
  Step tick(bool behind) noexcept;

  /// A probe is sent, whatever was awaited before. Returns its unique ticket.
  std::uint64_t begin_probe() noexcept;
  /// True if the next message that must come back may be watched.
  bool wants_echo() const noexcept { return awaited_ == Awaited::nothing && silence_ > 0; }
  /// The message is sent now. Returns its ticket; 0: it is too large.
  std::uint64_t watch(std::string_view message) noexcept;

  /// Redis has accepted the message with this ticket.
  void accepted(std::uint64_t ticket) noexcept;
  /// Redis has refused it: its sender got an error, and no echo is expected.
  void refused(std::uint64_t ticket) noexcept;
  /// The probe that Redis has accepted and that has not arrived; 0: none.
  std::uint64_t missing() const noexcept { return awaited_ == Awaited::probe && accepted_ ? ticket_ : 0; }
  /// All data that Redis sent before it accepted this ticket has been received.
  void caught_up(std::uint64_t ticket) noexcept;

  bool awaits_echo() const noexcept { return awaited_ == Awaited::echo; }
  /// A message has arrived while an echo was awaited.
  void received(std::string_view message) noexcept;
  /// A probe has arrived. True if it was the awaited one.
  bool received_probe(std::uint64_t ticket) noexcept;

 private:
  enum class Awaited : std::uint8_t { nothing, echo, probe };

  void begin(Awaited awaited) noexcept;
  void proven() noexcept;

  std::uint64_t ticket_ = 0;
  std::uint64_t hash_ = 0;  // of the watched message
  std::size_t size_ = 0;
  unsigned silence_ = 0;  // ticks since the last proof
  unsigned waited_ = 0;   // ticks since the acceptance
  Awaited awaited_ = Awaited::nothing;
  bool accepted_ = false;
  bool caught_up_ = false;
};

/// How often Redis is asked whether it still has its keys and its role: every so many ticks, twice per
/// RedisOptions::answer_time.
inline unsigned ticks_per_look(std::chrono::milliseconds answer_time) noexcept {
  constexpr std::int64_t most = 1 << 20;  // an answer_time may be a hundred years
  return static_cast<unsigned>(std::clamp<std::int64_t>(answer_time / 2 / EchoProof::tick_time, 1, most));
}

}  // namespace sluice::SLUICE_ABI::redis
