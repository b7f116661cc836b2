// SPDX-License-Identifier: MIT
// The bus of a NATS layer.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "sluice/layer/bus.hpp"
#include "sluice/nats/nats_options.hpp"

namespace sluice::SLUICE_ABI::nats {

/// What NatsStats has. Any thread.
struct NatsCounters {
  std::atomic<std::uint64_t> unconfirmed{0}, rejected{0}, dropped{0}, unreadable{0};
};

/// Throws std::invalid_argument for options that cannot work, with a message that holds no password.
std::unique_ptr<Bus> make_bus(Executor& executor, const NatsOptions& options, std::shared_ptr<NatsCounters> counters);

}  // namespace sluice::SLUICE_ABI::nats
