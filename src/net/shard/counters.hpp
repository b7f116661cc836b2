// SPDX-License-Identifier: MIT
// The counters of one executor's part of a server.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "sluice/ws/deflate.hpp"

namespace sluice::SLUICE_ABI {
struct ServerStats;
}

namespace sluice::SLUICE_ABI::net {

/// A number that one thread writes and any thread reads: no bus lock, no lost count.
class Counter {
 public:
  void add(std::uint64_t amount = 1) noexcept { set(get() + amount); }
  void subtract(std::uint64_t amount = 1) noexcept { set(get() - amount); }
  std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }
  void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Why a WebSocket ended.
enum class CloseCause : std::uint8_t {
  by_peer,
  by_gateway,
  by_stop,
  vanished,
  too_slow,
  too_big,
  protocol_error,
  invalid_payload,
  too_many_frames,
  too_fast,
  timed_out,
  idle,
  too_old,
  shed,
  late_message,
  shed_unused,
};
constexpr std::size_t close_causes = static_cast<std::size_t>(CloseCause::shed_unused) + 1;

/// Compression in one direction; the numbers are kept elsewhere and copied here.
struct DeflateCounters {
  void show(const ws::DeflateTotals& totals) noexcept {
    messages.set(totals.messages);
    plain_bytes.set(totals.plain_bytes);
    wire_bytes.set(totals.wire_bytes);
  }
  Counter messages, plain_bytes, wire_bytes;
};

/// The counters, named as in ServerStats. Written by their executor only; read by any thread.
class Counters {
 public:
  static constexpr int lowest_refusal = 300;
  static constexpr int highest_refusal = 599;

  Counter accepted, connections, tls_failed, opened, open, http_requests, responses_cut, proxy_refused;
  Counter compressing;
  DeflateCounters deflated, inflated;
  Counter messages_in, sends, bytes_in, bytes_out, writes;
  Counter pings, throttled, read_ahead_full, cut_off, cut_off_by_stop;

  void count(CloseCause cause) noexcept { ended_[static_cast<std::size_t>(cause)].add(); }
  std::uint64_t ended(CloseCause cause) const noexcept { return ended_[static_cast<std::size_t>(cause)].get(); }
  void count_refusal(int status) noexcept {
    if (status >= lowest_refusal && status <= highest_refusal) refusals_[status - lowest_refusal].add();
  }
  std::uint64_t refusals(int status) const noexcept { return refusals_[status - lowest_refusal].get(); }
  /// All but the refusals.
  void add_to(ServerStats& sum) const noexcept;

 private:
  std::array<Counter, close_causes> ended_;
  std::array<Counter, highest_refusal - lowest_refusal + 1> refusals_;
};

}  // namespace sluice::SLUICE_ABI::net
