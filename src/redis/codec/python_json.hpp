// SPDX-License-Identifier: MIT
// Output of Python's json module that RFC 8259 does not allow.
#pragma once

#include <string>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::redis {

/// The same text as valid JSON: NaN, Infinity and -Infinity are null, an integer beyond 64 bits is a number with a
/// fraction or an exponent (null beyond a double), an escaped lone surrogate is U+FFFD. Other faults are kept. One pass
/// over the text. Any thread.
std::string to_strict_json(std::string_view python);

}  // namespace sluice::SLUICE_ABI::redis
