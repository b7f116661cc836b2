// SPDX-License-Identifier: MIT
// NatsOptions as cnats wants them.
#pragma once

#include <nats/nats.h>

#include <memory>
#include <string>

#include "sluice/nats/nats_options.hpp"

namespace sluice::nats {

using Settings = std::unique_ptr<natsOptions, decltype(&natsOptions_Destroy)>;

/// For a connection to one of the servers. Throws std::invalid_argument for values that cannot work, also for a file
/// that cannot be read; the message holds no password.
Settings settings_for(const NatsOptions& options, const std::string& server);

}  // namespace sluice::nats
