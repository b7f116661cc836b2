// SPDX-License-Identifier: MIT
// Opens a run's connections, and says what holding them costs the server
#pragma once

#include <string>

#include "load/clients.hpp"
#include "load/server_cost.hpp"
#include "load/workloads.hpp"

namespace load {

class Holding {
 public:
  Holding(const Settings& settings, Clients& clients, const std::string& path);
  /// What opening cost, and the memory then.
  void into(Report& report) const;
  /// The memory now.
  void after(Report& report) const;

 private:
  double memory_of(const ServerCost& cost) const;

  const Settings& settings_;
  ServerCost before_;
  ServerCost open_;
};

}  // namespace load
