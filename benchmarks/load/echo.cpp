// SPDX-License-Identifier: MIT
#include <algorithm>
#include <vector>

#include "load/clients.hpp"
#include "load/holding.hpp"
#include "load/stamp.hpp"
#include "load/workloads.hpp"

namespace load {

namespace {

// One round of `count` messages over all connections.
void round(const Settings& settings, Clients& clients, std::vector<std::uint32_t>& next, std::size_t count,
           Report& report) {
  std::size_t sent = 0, back = 0;
  const auto send = [&](std::size_t connection) {
    if (sent == count) return;
    ++sent;
    const std::string payload = stamped({next[connection], now()}, settings.bytes);
    clients.send(connection, clients.frame(connection, payload));
  };
  clients.on_message = [&](std::size_t connection, std::string_view payload) {
    const auto stamp = stamp_of(payload);
    if (!stamp) {
      ++report.unknown;
      return;
    }
    if (stamp->number != next[connection]) ++report.disordered;
    report.latency.add(clients.read_at() - stamp->sent_at);
    ++next[connection];
    ++back;
    send(connection);
  };
  const Meter meter(settings);
  for (std::size_t i = 0; i < settings.connections; ++i) send(i);
  while (back < count && clients.lost() == 0 && !meter.given_up(clients)) clients.turn(std::chrono::milliseconds(100));
  meter.stop(back, report);
  report.missing = count - back;
  clients.on_message = [](std::size_t, std::string_view) {};
}

}  // namespace

Report echo(const Settings& settings) {
  Clients clients(settings.port, settings.speech);
  const Holding held(settings, clients, "/echo");
  Report report;
  held.into(report);
  std::vector<std::uint32_t> next(settings.connections);
  Report warm_up;
  if (settings.warm_up > 0) round(settings, clients, next, settings.warm_up, warm_up);
  round(settings, clients, next, settings.messages, report);
  report.lost_connections = clients.lost();
  held.after(report);
  return report;
}

}  // namespace load
