// SPDX-License-Identifier: MIT
// The public name of one connection.
#pragma once

#include <string>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// A fresh random UUID, version 4, in its canonical 36 characters (RFC 9562 section 5.4; behaviour MW-7). Throws
/// std::runtime_error when the system gives no random bytes. Any thread.
SLUICE_API std::string new_web_socket_id();
/// True for such an id in lower case. Any thread.
SLUICE_API bool is_web_socket_id(std::string_view text) noexcept;

}  // namespace sluice::SLUICE_ABI
