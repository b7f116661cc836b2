// SPDX-License-Identifier: MIT
// Unambiguous names of groups, whatever clients put into them.
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// A group's name: the kind, then each parameter behind a `-`. In both, every byte but letters, digits and `_` is
/// written as `.` and two hexadecimal digits, so that different kinds or parameters never give the same name. A name of
/// 100 characters or more is invalid: joining it is refused. Any thread.
SLUICE_API std::string group_of(std::string_view kind, std::initializer_list<std::string_view> parameters);

inline std::string group_parameter(std::string_view text) { return std::string(text); }
template <std::integral Integer>
std::string group_parameter(Integer number) {
  return std::to_string(number);
}

/// The same with integers and texts:
///
///     group_of("table", 7)       // table-7
///     group_of("view", "a-b")    // view-a.2db
///     group_of("row", 7, "x")    // row-7-x
template <class... Parameters>
std::string group_of(std::string_view kind, const Parameters&... parameters) {
  return group_of(kind, {std::string_view(group_parameter(parameters))...});
}

}  // namespace sluice::SLUICE_ABI
