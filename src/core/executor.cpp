// SPDX-License-Identifier: MIT
#include "sluice/core/executor.hpp"

namespace sluice {

thread_local Executor* Executor::current_ = nullptr;

}  // namespace sluice
