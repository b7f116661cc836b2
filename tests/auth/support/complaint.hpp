// SPDX-License-Identifier: MIT
// The message with which a constructor or a factory refuses a configuration.
#pragma once

#include <stdexcept>
#include <string>

/// The sentence, or "it does not complain".
template <class Make>
std::string complaint_of(const Make& make) {
  try {
    make();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "it does not complain";
}
