// SPDX-License-Identifier: MIT
// Text of clients in log lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// The text in quotes, as JSON in ASCII writes it, with "..." behind it where it was cut: it can neither begin a line,
/// nor control a terminal, nor change the direction of later text, nor flood the log.
SLUICE_API std::string in_quotes(std::string_view text, std::size_t longest = 64);

/// The text as one line: it escapes line breaks, control characters and characters that turn the direction of text, and
/// nothing else. For lines that contain a client's text already.
std::string on_one_line(std::string_view text);

}  // namespace sluice::SLUICE_ABI
