// SPDX-License-Identifier: MIT
// What is not well in a running program, and why: for probes, and for people at night.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// Something that is not well. A value.
struct Problem {
  std::string part;    // "server", "host", "layer", or a part of your own
  std::string cause;   // a name for programs: "draining", "down", "connections"
  std::string detail;  // a sentence for people
  std::optional<std::chrono::system_clock::time_point> since = {};

  friend bool operator==(const Problem&, const Problem&) = default;
};

/// Collects problems and writes them as JSON, for GET /readyz:
///
///     sluice::Health health;
///     health.add(server.problems()).add(host.problems()).add(layer.problems());
///     return HttpResponse::json(health.json(), health.well() ? 200 : 503);
///
/// A probe of whether the process lives (GET /healthz) answers 200 whatever the problems: to restart a process does not
/// bring its broker back. One thread at a time.
class SLUICE_API Health {
 public:
  Health& add(std::vector<Problem> problems);
  Health& add(Problem problem);

  bool well() const noexcept { return problems_.empty(); }
  const std::vector<Problem>& problems() const noexcept { return problems_; }
  /// `{"well":false,"problems":[{"part":"layer","cause":"down","detail":"...","since":"2026-11-30T08:15:00Z"}]}`, on
  /// one line.
  std::string json() const;

 private:
  std::vector<Problem> problems_;
};

/// A number that comes near to its limit or has passed it is a problem: from nine tenths of it on. Its cause is the
/// limit's own name, behind the last colon of `limit`. Nothing for a limit of 0, which means none. Any thread.
SLUICE_API std::vector<Problem> near_limit(std::string_view part, std::string_view limit, std::uint64_t now,
                                           std::uint64_t most);

}  // namespace sluice::SLUICE_ABI
