// SPDX-License-Identifier: MIT
// Something that makes the run worthless: said on stderr, exit 1
#pragma once

#include <stdexcept>

namespace load {

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace load
