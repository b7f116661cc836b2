// SPDX-License-Identifier: MIT
#include "sluice/net/signals.hpp"

#include <csignal>

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>

namespace sluice {

struct StopSignals::Taken {
  asio::io_context context{1};
  asio::signal_set signals{context, SIGINT, SIGTERM};  // keeps what comes before somebody waits
};

StopSignals::StopSignals() : taken_(std::make_unique<Taken>()) {}

StopSignals::~StopSignals() = default;

int StopSignals::wait() {
  int which = 0;
  taken_->signals.async_wait([&which](const asio::error_code&, int number) { which = number; });
  taken_->context.restart();
  taken_->context.run();
  taken_->signals.clear();
  return which;
}

}  // namespace sluice
