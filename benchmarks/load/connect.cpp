// SPDX-License-Identifier: MIT
#include <algorithm>
#include <thread>

#include "load/clients.hpp"
#include "load/holding.hpp"
#include "load/workloads.hpp"

namespace load {

Report connect(const Settings& settings) {
  constexpr std::size_t at_once = 64;
  Clients clients(settings.port, settings.speech);
  std::size_t begun = 0, ended = 0;
  const auto begin = [&] {
    if (begun == settings.messages) return;
    ++begun;
    clients.begin("/sub");
  };
  clients.on_open = [&](std::size_t connection) { clients.close(connection); };
  clients.on_closed = [&](std::size_t) {
    ++ended;
    begin();
  };

  Report report;
  const Meter meter(settings);
  for (std::size_t i = 0; i < at_once; ++i) begin();
  while (ended < settings.messages && !meter.given_up(clients)) clients.turn(std::chrono::milliseconds(100));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the server still cleans up
  meter.stop(ended, report);
  report.missing = settings.messages - ended;
  report.lost_connections = clients.lost();
  return report;
}

Report idle(const Settings& settings) {
  Clients clients(settings.port, settings.speech);
  const Holding held(settings, clients, "/sub");
  Report report;
  held.into(report);
  const Meter meter(settings);
  while (meter.seconds() < 1) clients.turn(std::chrono::milliseconds(50));
  meter.stop(settings.connections, report);
  report.lost_connections = clients.lost();
  held.after(report);
  return report;
}

}  // namespace load
