// SPDX-License-Identifier: MIT
// What Python's json module writes and RFC 8259 has no word for.
#pragma once

#include <string>
#include <string_view>

namespace sluice::redis {

/// The same text with the nearest words of JSON: NaN, Infinity and -Infinity are null, an integer beyond 64 bits is a
/// number with a fraction or an exponent (null beyond a double), an escaped lone surrogate is U+FFFD. Whatever else is
/// wrong stays wrong. One pass over the text. Any thread.
std::string to_strict_json(std::string_view python);

}  // namespace sluice::redis
