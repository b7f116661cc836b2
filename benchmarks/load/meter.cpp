// SPDX-License-Identifier: MIT
#include <time.h>

#include <algorithm>

#include "load/clients.hpp"
#include "load/workloads.hpp"

namespace load {

namespace {

double own_cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace

Meter::Meter(const Settings& settings)
    : settings_(settings),
      began_(now()),
      load_began_(own_cpu_seconds()),
      before_(cost_of(settings.processes)),
      apart_before_(cost_of(settings.apart)) {}

double Meter::seconds() const { return static_cast<double>(now() - began_) * 1e-9; }

bool Meter::given_up(const Clients& clients) const {
  return clients.silence_since(began_) > std::chrono::seconds(settings_.patience);
}

void Meter::stop(std::size_t operations, Report& report) const {
  const ServerCost after = cost_of(settings_.processes);
  const double count = static_cast<double>(std::max<std::size_t>(operations, 1));
  const double cpu = after.cpu_seconds - before_.cpu_seconds;
  report.operations = operations;
  report.seconds = seconds();
  report.cpu_us = cpu * 1e6 / count;
  report.apart_us = (cost_of(settings_.apart).cpu_seconds - apart_before_.cpu_seconds) * 1e6 / count;
  report.user_share = cpu > 0 ? (after.user_seconds - before_.user_seconds) / cpu : 0;
  report.load_cpu_us = (own_cpu_seconds() - load_began_) * 1e6 / count;
}

}  // namespace load
