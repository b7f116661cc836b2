// SPDX-License-Identifier: MIT
#include "sluice/transport/limits.hpp"

#include <fmt/format.h>

#include <initializer_list>
#include <string_view>

namespace sluice::SLUICE_ABI {
namespace {

constexpr std::uint32_t most_frames = 0xffffff;  // ws::ServerProtocol counts in 24 bits

struct Count {
  std::string_view name;
  std::size_t value;
};

struct Time {
  std::string_view name;
  std::chrono::milliseconds value;
};

std::string fault_of(std::initializer_list<Count> counts) {
  for (const auto& [name, value] : counts) {
    if (value == 0) return fmt::format("{} can't be 0: no client would ever be read", name);
  }
  return {};
}

std::string fault_of(std::initializer_list<Time> times) {
  for (const auto& [name, value] : times) {
    if (value.count() < 0 || value > longest_limit) return fmt::format("{} can't be negative or above 12 days", name);
  }
  return {};
}

// A bucket that takes longer to fill than the longest limit bounds nothing.
std::string fault_of(const Rate& rate, std::string_view name) {
  const auto longest = std::chrono::duration_cast<std::chrono::seconds>(longest_limit).count();
  if (rate.per_second == 0 || rate.burst / rate.per_second < static_cast<std::size_t>(longest)) return {};
  return fmt::format(
      "{}: a burst of {} at {} a second needs more than 12 days to come back; per_second = 0 means no bound", name,
      rate.burst, rate.per_second);
}

}  // namespace

std::string fault_of(const ServerLimits& limits) {
  if (auto fault = fault_of({Count{"head_bytes", limits.head_bytes},
                             {"header_count", limits.header_count},
                             {"message_bytes", limits.message_bytes}});
      !fault.empty()) {
    return fault;
  }
  if (limits.frames_per_message == 0 || limits.frames_per_message > most_frames) {
    return "frames_per_message is 1 to 16,777,215";
  }
  if (auto fault = fault_of({Time{"handshake_time", limits.handshake_time},
                             {"piece_time", limits.piece_time},
                             {"close_time", limits.close_time},
                             {"ping_every", limits.ping_every},
                             {"pong_time", limits.pong_time},
                             {"idle_time", limits.idle_time},
                             {"lifetime", limits.lifetime},
                             {"message_time", limits.message_time}});
      !fault.empty()) {
    return fault;
  }
  if (limits.handshake_time.count() == 0 || limits.close_time.count() == 0) {
    return "handshake_time and close_time can't be 0";
  }
  if (auto fault = fault_of(limits.message_rate, "message_rate"); !fault.empty()) return fault;
  if (auto fault = fault_of(limits.byte_rate, "byte_rate"); !fault.empty()) return fault;
  return fault_of(limits.refusals_per_address, "refusals_per_address");
}

std::string fault_of(const ConsumerLimits& limits) {
  auto fault = fault_of({Count{"queued_bytes", limits.queued_bytes}, {"client_mail", limits.client_mail}});
  return fault.empty() ? fault_of({Time{"disconnect_grace", limits.disconnect_grace}}) : fault;
}

}  // namespace sluice::SLUICE_ABI
