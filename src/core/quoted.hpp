// SPDX-License-Identifier: MIT
// A stranger's text in a log line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice {

/// The text in quotes, as JSON in ASCII writes it, with "..." behind it where it was cut: it can neither begin a line
/// of its own, nor control a terminal, nor turn the direction of what follows, nor fill the log.
std::string in_quotes(std::string_view text, std::size_t longest = 64);

/// The text with everything escaped that would do so, and nothing else: for lines that hold somebody's text already.
std::string on_one_line(std::string_view text);

}  // namespace sluice
