// SPDX-License-Identifier: MIT
#include "sluice/http/body_framing.hpp"

#include <fmt/format.h>

#include <charconv>

namespace sluice::SLUICE_ABI::http {
namespace {

constexpr std::string_view line_end = "\r\n";
constexpr std::string_view last_chunk = "0\r\n\r\n";

}  // namespace

// RFC 9112 section 7.1: chunk-size in hexadecimal, CRLF, the bytes, CRLF.
Result<BodyFraming::Frame> BodyFraming::next(std::size_t bytes) {
  if (bytes == 0 || end_ == BodyEnd::connection) return Frame{};
  if (end_ == BodyEnd::length) {
    if (bytes > left_) {
      return Error(ErrorCode::invalid_argument,
                   fmt::format("the body is longer than its length, by {} bytes", bytes - left_));
    }
    left_ -= bytes;
    return Frame{};
  }
  if (end_ == BodyEnd::no_body) return Error(ErrorCode::invalid_argument, "the response has no body");
  char* const begin = size_line_.data();
  char* digits_end = std::to_chars(begin, begin + 16, bytes, 16).ptr;
  *digits_end++ = '\r';
  *digits_end++ = '\n';
  return Frame{std::string_view(begin, static_cast<std::size_t>(digits_end - begin)), line_end};
}

Result<std::string_view> BodyFraming::end() const {
  if (end_ == BodyEnd::chunked) return last_chunk;
  if (end_ != BodyEnd::length || left_ == 0) return std::string_view();
  return Error(ErrorCode::invalid_argument, fmt::format("the body is shorter than its length, by {} bytes", left_));
}

}  // namespace sluice::SLUICE_ABI::http
