// SPDX-License-Identifier: MIT
// What is said of an exception that ends with us.
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace sluice {

/// What the exception says; also of one that is no std::exception, or whose what() is null.
std::string text_of(const std::exception_ptr& error);

/// Logs "<what>: <text_of(error)>" as an error. Without memory for the line it logs `what` alone. Any thread.
void log_failure(std::string_view what, const std::exception_ptr& error) noexcept;

}  // namespace sluice
