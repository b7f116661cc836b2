// SPDX-License-Identifier: MIT
#include "load/server_cost.hpp"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace load {

namespace {

double cpu_seconds(pid_t process) {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// Field 14 of proc(5), counted behind the name, which may have spaces.
double user_seconds(pid_t process) {
  std::string line;
  std::getline(std::ifstream(fmt::format("/proc/{}/stat", process)), line);
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string field;
  for (int i = 3; i <= 14; ++i) fields >> field;
  return field.empty() ? 0 : std::stod(field) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double anonymous_bytes(pid_t process) {
  std::ifstream rollup(fmt::format("/proc/{}/smaps_rollup", process));
  for (std::string word; rollup >> word;) {
    double kilobytes = 0;
    if (word == "Anonymous:" && rollup >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

}  // namespace

ServerCost cost_of(const std::vector<pid_t>& processes) {
  ServerCost all;
  for (const pid_t process : processes) {
    all.cpu_seconds += cpu_seconds(process);
    all.user_seconds += user_seconds(process);
    all.memory_bytes += anonymous_bytes(process);
  }
  return all;
}

}  // namespace load
