// SPDX-License-Identifier: MIT
#include "core/failure.hpp"

#include <fmt/format.h>

#include "sluice/core/log.hpp"

namespace sluice::SLUICE_ABI {

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    const char* const what = exception.what();
    return what ? what : "an exception whose what() is null";
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

void log_failure(std::string_view what, const std::exception_ptr& error) noexcept {
  try {
    log(LogLevel::error, fmt::format("{}: {}", what, text_of(error)));
  } catch (...) {
    log(LogLevel::error, what);
  }
}

}  // namespace sluice::SLUICE_ABI
