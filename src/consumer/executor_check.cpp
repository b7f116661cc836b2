// SPDX-License-Identifier: MIT
#include "consumer/executor_check.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace sluice {

void must_run_on(const Executor& executor, std::string_view call) {
  if (executor.runs_here()) return;
  throw std::logic_error(fmt::format(
      "{} from outside the consumer's executor: from there send the consumer an event, by its channel_name()", call));
}

}  // namespace sluice
