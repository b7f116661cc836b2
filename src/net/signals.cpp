// SPDX-License-Identifier: MIT
#include "sluice/net/signals.hpp"

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <csignal>

namespace sluice {

int wait_for_signal() {
  asio::io_context context(1);
  asio::signal_set signals(context, SIGINT, SIGTERM);
  int which = 0;
  signals.async_wait([&which](const asio::error_code&, int number) { which = number; });
  context.run();
  return which;
}

}  // namespace sluice
