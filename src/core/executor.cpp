// SPDX-License-Identifier: MIT
#include "sluice/core/executor.hpp"

namespace sluice::SLUICE_ABI {

thread_local Executor* Executor::current_ = nullptr;

}  // namespace sluice::SLUICE_ABI
