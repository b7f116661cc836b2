// SPDX-License-Identifier: MIT
// What can be asked of a server, and what is found out
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "load/clients.hpp"
#include "load/histogram.hpp"
#include "load/server_cost.hpp"

namespace load {

struct Settings {
  std::uint16_t port = 8000;
  std::uint16_t second_port = 0;   // half of the connections are held there, if it is one
  std::uint16_t publish_port = 0;  // the publishers speak there, if it is one
  std::vector<pid_t> processes;    // the server's
  std::vector<pid_t> apart;        // others whose cost is wanted for itself
  std::size_t connections = 100;
  std::size_t bytes = 100;     // of one payload
  std::size_t messages = 400;  // published, echoed, or connections made
  std::size_t warm_up = 30;    // messages before the measurement
  std::size_t window = 1;      // broadcasts in flight
  std::size_t per_minute = 0;  // broadcasts, however many are in flight; 0: as the window allows
  std::size_t publishers = 1;  // in turns
  std::size_t stalled = 0;     // further subscribers that never read
  Clients::Speech speech;
  std::size_t patience = 20;    // seconds without a word from the server, until a run is given up
  std::size_t settle_ms = 300;  // after opening, before memory is read
};

struct Report {
  std::size_t operations = 0;  // deliveries, echoes or connections
  std::size_t missing = 0;     // that should have been
  std::size_t disordered = 0;
  std::size_t unknown = 0;  // messages without a stamp
  std::size_t lost_connections = 0;
  double seconds = 0;
  double cpu_us = 0;      // the server's, per operation
  double user_share = 0;  // of that, outside the kernel
  double apart_us = 0;    // of the others, per operation
  double load_cpu_us = 0;
  double open_cpu_us = 0;  // the server's, per connection opened and held
  double memory = 0;       // the server's, per connection, idle
  double memory_after = 0;
  Histogram latency;

  bool good() const { return operations > 0 && missing == 0 && disordered == 0 && unknown == 0; }
};

/// Subscribers hear what publishers say; an operation is one delivery.
Report fan_out(const Settings& settings);
/// Each connection sends the next message when it has the last back.
Report echo(const Settings& settings);
/// Connect, handshake, close; 64 at a time.
Report connect(const Settings& settings);
/// Connections are opened and held: memory, and processor time while nothing happens.
Report idle(const Settings& settings);

/// Times the server between two moments.
class Meter {
 public:
  explicit Meter(const Settings& settings);
  /// Per `operations` until now, into the report.
  void stop(std::size_t operations, Report& report) const;
  double seconds() const;
  /// The server has been silent for too long: what is missing is lost.
  bool given_up(const Clients& clients) const;

 private:
  const Settings& settings_;
  std::uint64_t began_;
  double load_began_;
  ServerCost before_;
  ServerCost apart_before_;
};

}  // namespace load
