// SPDX-License-Identifier: MIT
#include "sluice/core/error.hpp"

#include <fmt/format.h>

namespace sluice::SLUICE_ABI {

std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::invalid_name: return "invalid_name";
    case ErrorCode::parse_failed: return "parse_failed";
    case ErrorCode::number_too_large: return "number_too_large";
    case ErrorCode::type_mismatch: return "type_mismatch";
    case ErrorCode::missing_field: return "missing_field";
    case ErrorCode::unknown_page_type: return "unknown_page_type";
    case ErrorCode::already_exists: return "already_exists";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::limit_exceeded: return "limit_exceeded";
    case ErrorCode::no_room: return "no_room";
    case ErrorCode::channel_full: return "channel_full";
    case ErrorCode::channel_closed: return "channel_closed";
    case ErrorCode::layer_unavailable: return "layer_unavailable";
    case ErrorCode::timed_out: return "timed_out";
    case ErrorCode::refused: return "refused";
    case ErrorCode::io_failed: return "io_failed";
  }
  return "unknown";
}

std::string Error::message() const { return fmt::format("{}: {}", to_string(code_), context_); }

}  // namespace sluice::SLUICE_ABI
