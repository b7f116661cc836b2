// SPDX-License-Identifier: MIT
// Runs code of the application, and returns the text of its exception.
#pragma once

#include <exception>
#include <string>

#include "core/failure.hpp"

namespace sluice::SLUICE_ABI::net {

/// The text of the exception that `work` throws, or an empty string.
template <class Work>
std::string thrown_by(Work work) {
  try {
    work();
    return {};
  } catch (...) {
    const std::string text = text_of(std::current_exception());
    return text.empty() ? "an exception without a text" : text;
  }
}

}  // namespace sluice::SLUICE_ABI::net
