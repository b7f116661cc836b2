// SPDX-License-Identifier: MIT
#include "sluice/observe/health.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <iterator>

#include "sluice/json/writer.hpp"

namespace sluice::SLUICE_ABI {

Health& Health::add(std::vector<Problem> problems) {
  problems_.insert(problems_.end(), std::make_move_iterator(problems.begin()), std::make_move_iterator(problems.end()));
  return *this;
}

Health& Health::add(Problem problem) {
  problems_.push_back(std::move(problem));
  return *this;
}

std::string Health::json() const {
  json::Writer out;
  out.begin_object().key("well").value(well()).key("problems").begin_array();
  for (const Problem& problem : problems_) {
    out.begin_object().key("part").value(std::string_view(problem.part));
    out.key("cause").value(std::string_view(problem.cause)).key("detail").value(std::string_view(problem.detail));
    if (problem.since) {
      const auto since = std::chrono::system_clock::to_time_t(*problem.since);
      out.key("since").value(std::string_view(fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(since))));
    }
    out.end_object();
  }
  out.end_array().end_object();
  return std::string(out.take_text().view());
}

std::vector<Problem> near_limit(std::string_view part, std::string_view limit, std::uint64_t now, std::uint64_t most) {
  if (most == 0 || now < most - most / 10) return {};
  const std::string_view name = limit.substr(limit.rfind(':') + 1);
  return {{std::string(part), std::string(name), fmt::format("{} is {}, and there are {}", limit, most, now)}};
}

}  // namespace sluice::SLUICE_ABI
