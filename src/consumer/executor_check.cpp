// SPDX-License-Identifier: MIT
#include "consumer/executor_check.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace sluice::SLUICE_ABI {

void throw_wrong_thread(std::string_view call) {
  throw std::logic_error(fmt::format(
      "{} from outside the consumer's executor: from there send the consumer an event, by its channel_name()", call));
}

}  // namespace sluice::SLUICE_ABI
