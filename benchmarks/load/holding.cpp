// SPDX-License-Identifier: MIT
#include "load/holding.hpp"

#include <algorithm>

namespace load {

Holding::Holding(const Settings& settings, Clients& clients, const std::string& path)
    : settings_(settings), before_(cost_of(settings.processes)) {
  const std::chrono::seconds patience(settings.patience);
  const std::size_t at_second = settings.second_port == 0 ? 0 : settings.connections / 2;
  clients.open(settings.connections - at_second, path, patience);
  if (at_second > 0) {
    clients.go_to(settings.second_port);
    clients.open(at_second, path, patience);
    clients.go_to(settings.port);
  }
  const auto until = Clock::now() + std::chrono::milliseconds(settings.settle_ms);
  while (Clock::now() < until) clients.turn(std::chrono::milliseconds(20));
  open_ = cost_of(settings.processes);
}

void Holding::into(Report& report) const {
  const double count = static_cast<double>(std::max<std::size_t>(settings_.connections, 1));
  report.open_cpu_us = (open_.cpu_seconds - before_.cpu_seconds) * 1e6 / count;
  report.memory = memory_of(open_);
}

void Holding::after(Report& report) const { report.memory_after = memory_of(cost_of(settings_.processes)); }

double Holding::memory_of(const ServerCost& cost) const {
  return (cost.memory_bytes - before_.memory_bytes) /
         static_cast<double>(std::max<std::size_t>(settings_.connections, 1));
}

}  // namespace load
