// SPDX-License-Identifier: MIT
#include "redis/bus/echo_proof.hpp"

#include <functional>

namespace sluice::SLUICE_ABI::redis {

void EchoProof::reset() noexcept {
  begin(Awaited::nothing);
  silence_ = 0;
}

void EchoProof::begin(Awaited awaited) noexcept {
  ++ticket_;
  awaited_ = awaited;
  accepted_ = caught_up_ = false;
  waited_ = 0;
}

EchoProof::Step EchoProof::tick(bool behind) noexcept {
  ++silence_;
  if (awaited_ == Awaited::nothing) return silence_ >= ticks_of_silence ? Step::probe : Step::wait;
  if (!accepted_) return Step::wait;  // the connection's own deadline covers this
  if (awaited_ == Awaited::echo) return ++waited_ >= echo_patience ? Step::probe : Step::wait;
  if (caught_up_) return Step::deaf;
  if (behind) waited_ = 0;
  return ++waited_ >= probe_patience ? Step::deaf : Step::wait;
}

std::uint64_t EchoProof::begin_probe() noexcept {
  begin(Awaited::probe);
  return ticket_;
}

std::uint64_t EchoProof::watch(std::string_view message) noexcept {
  if (message.size() > most_watched) return 0;
  begin(Awaited::echo);
  size_ = message.size();
  hash_ = std::hash<std::string_view>()(message);
  return ticket_;
}

void EchoProof::accepted(std::uint64_t ticket) noexcept {
  if (ticket == ticket_) accepted_ = true;
}

void EchoProof::refused(std::uint64_t ticket) noexcept {
  if (ticket != ticket_) return;
  if (awaited_ == Awaited::probe) silence_ = 0;  // a probe was sent: the next one has its own time
  begin(Awaited::nothing);
}

void EchoProof::caught_up(std::uint64_t ticket) noexcept {
  if (ticket == missing() && ticket != 0) caught_up_ = true;
}

void EchoProof::received(std::string_view message) noexcept {
  if (!awaits_echo() || message.size() != size_) return;
  if (std::hash<std::string_view>()(message) == hash_) proven();
}

bool EchoProof::received_probe(std::uint64_t ticket) noexcept {
  if (awaited_ != Awaited::probe || ticket != ticket_) return false;
  proven();
  return true;
}

void EchoProof::proven() noexcept {
  begin(Awaited::nothing);
  silence_ = 0;
}

}  // namespace sluice::SLUICE_ABI::redis
