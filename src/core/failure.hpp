// SPDX-License-Identifier: MIT
// Exceptions that end in the library, as text for the log.
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// The exception's text; also for one that is no std::exception, or whose what() is null.
SLUICE_API std::string text_of(const std::exception_ptr& error);

/// Logs "<what>: <text_of(error)>" as an error. Without memory for the line it logs `what` alone. Any thread.
SLUICE_API void log_failure(std::string_view what, const std::exception_ptr& error) noexcept;

}  // namespace sluice::SLUICE_ABI
