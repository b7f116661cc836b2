// SPDX-License-Identifier: MIT
#include "http/headers.hpp"

#include <algorithm>

#include "core/ascii.hpp"
#include "http/text.hpp"

namespace sluice::SLUICE_ABI::http {
namespace {

Error unusable(std::string_view name, const char* why) {
  return {ErrorCode::invalid_argument, "response header \"" + std::string(name) + "\": " + why};
}

}  // namespace

Result<> check_headers(const HeaderFields& headers, std::initializer_list<std::string_view> reserved) {
  for (const auto& [name, value] : headers) {
    if (!is_token(name)) return Error(ErrorCode::invalid_argument, "a response header's name is not a token");
    if (!is_header_value(value)) return unusable(name, "its value holds a control byte");
    if (std::ranges::find(reserved, lower_case(name)) != reserved.end()) return unusable(name, "the server writes it");
  }
  return {};
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace sluice::SLUICE_ABI::http
