// SPDX-License-Identifier: MIT
#include "sluice/http/head.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>

#include "core/ascii.hpp"
#include "http/target.hpp"
#include "http/text.hpp"

namespace sluice::SLUICE_ABI::http {
namespace {

constexpr std::size_t max_method_bytes = 32;
constexpr std::size_t max_request_line_bytes =
    max_method_bytes + max_target_bytes + std::string_view("  HTTP/1.1\r\n").size();

// How many bytes of `text` may stand in a head, where a CR is followed by LF and there is no other control byte than
// the tab. `after_cr`: the byte before `text` was a CR.
std::size_t clean_bytes(std::string_view text, bool after_cr) noexcept {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if ((c == '\n') != after_cr) return at;
    after_cr = c == '\r';
    if (is_control_byte(c) && c != '\t' && c != '\r' && c != '\n') return at;
  }
  return text.size();
}

}  // namespace

const std::string* Head::only_header(std::string_view name) const noexcept {
  const std::string* found = nullptr;
  for (const auto& [header, value] : request.headers) {
    if (header != name) continue;
    if (found) return nullptr;
    found = &value;
  }
  return found;
}

bool Head::has_token(std::string_view name, std::string_view token) const noexcept {
  return std::ranges::any_of(request.headers, [&](const auto& header) {
    return header.first == name && !each_in_list(header.second, [&](std::string_view element) {
             return !equals_ignoring_case(element, token);
           });
  });
}

HeadParser::Step HeadParser::next(std::string_view& input) {
  assert(part_ != Part::done && "take_head() follows Step::complete");
  while (part_ != Part::refused && part_ != Part::done && !input.empty()) {
    const std::size_t end = input.find('\n');
    const std::string_view piece = input.substr(0, end == std::string_view::npos ? end : end + 1);
    if (!take_piece(piece)) break;
    input.remove_prefix(piece.size());
  }
  if (part_ == Part::refused) return Step::refused;
  return part_ == Part::done ? Step::complete : Step::need_more;
}

// One line or a part of one. The bytes are checked in their order, so that a request is refused for the same reason
// however it was split.
bool HeadParser::take_piece(std::string_view piece) {
  const bool in_request_line = part_ != Part::headers;
  const std::size_t room =
      in_request_line ? std::min(head_limit_, max_request_line_bytes) - line_.size() : head_limit_ - head_bytes_;
  const std::string_view within = piece.substr(0, room);
  if (clean_bytes(within, line_.ends_with('\r')) < within.size()) {
    return refuse(400, "the head holds a control byte, or a line that does not end in CRLF");
  }
  if (within.size() < piece.size()) {
    if (!in_request_line) return refuse(431, "the head is too long");
    line_ += within;
    const bool has_method = line_.find(' ') <= max_method_bytes;
    return has_method ? refuse(414, "the target is too long") : refuse(501, "the method is too long");
  }
  head_bytes_ += piece.size();
  if (piece.back() != '\n') {
    line_ += piece;
    return true;
  }
  if (line_.empty()) return take_line(piece.substr(0, piece.size() - 2));
  line_ += piece;
  const std::string whole = std::exchange(line_, {});
  return take_line(std::string_view(whole).substr(0, whole.size() - 2));
}

bool HeadParser::take_line(std::string_view line) {
  switch (part_) {
    case Part::before:
      part_ = Part::request_line;
      if (!line.empty()) return take_request_line(line);
      head_bytes_ = 0;  // some clients end a body with a CRLF of its own (RFC 9112 section 2.2): it is not counted
      return true;
    case Part::request_line: return take_request_line(line);
    case Part::headers: return line.empty() ? finish() : take_header(line);
    case Part::done:
    case Part::refused: break;
  }
  return false;
}

bool HeadParser::take_request_line(std::string_view line) {
  const std::size_t first = line.find(' '), second = line.rfind(' ');
  if (first == std::string_view::npos || first == second) return refuse(400, "the request line has not three parts");
  const std::string_view method = line.substr(0, first), version = line.substr(second + 1);
  if (!is_token(method)) return refuse(400, "the method is not a token");
  if (method.size() > max_method_bytes) return refuse(501, "the method is too long");
  const bool well_formed = version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
                           version[6] == '.' && is_digit(version[7]);
  if (!well_formed) return refuse(400, "the request line names no HTTP version");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return refuse(505, "neither HTTP/1.0 nor HTTP/1.1");
  if (method == "CONNECT") return refuse(501, "CONNECT is for proxies");
  head_.method = method;
  head_.version = version == "HTTP/1.1" ? Version::http_1_1 : Version::http_1_0;
  part_ = Part::headers;
  return take_target(line.substr(first + 1, second - first - 1));
}

bool HeadParser::take_target(std::string_view text) {
  if (text.size() > max_target_bytes) return refuse(414, "the target is too long");
  auto target = parse_target(head_.method, text);
  if (!target) return refuse(400, target.error().context());
  head_.request.path = std::move(target->path);
  head_.request.raw_path = std::move(target->raw_path);
  head_.request.query_string = std::move(target->query);
  authority_ = std::move(target->authority);
  return true;
}

bool HeadParser::take_header(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') return refuse(400, "a header is folded over two lines");
  if (head_.request.headers.size() == header_limit_) return refuse(431, "there are too many headers");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return refuse(400, "a header has no colon");
  const std::string_view name = line.substr(0, colon);
  if (!is_token(name)) return refuse(400, "a header's name is not a token");
  head_.request.headers.emplace_back(lower_case(name), trimmed(line.substr(colon + 1)));
  return true;
}

// The head is complete: headers that state the same thing must agree.
bool HeadParser::finish() {
  if (!finish_host() || !finish_body()) return false;
  head_.keep_alive = head_.version == Version::http_1_1 && !head_.has_token("connection", "close");
  part_ = Part::done;
  return true;
}

bool HeadParser::finish_host() {
  auto& headers = head_.request.headers;
  const auto is_host_header = [](const auto& header) { return header.first == "host"; };
  const auto hosts = std::ranges::count_if(headers, is_host_header);
  if (hosts > 1) return refuse(400, "there is more than one Host");
  if (hosts == 0 && head_.version == Version::http_1_1) return refuse(400, "there is no Host");
  if (hosts == 0) {
    if (!authority_.empty()) headers.emplace_back("host", std::move(authority_));
    return true;
  }
  const auto host = std::ranges::find_if(headers, is_host_header);
  if (!is_host(host->second)) return refuse(400, "the Host is malformed");
  if (!authority_.empty()) host->second = std::move(authority_);  // RFC 9112 section 3.2.2
  return true;
}

bool HeadParser::finish_body() {
  const auto& headers = head_.request.headers;
  const auto count = [&](std::string_view name) {
    return std::ranges::count_if(headers, [&](const auto& header) { return header.first == name; });
  };
  const auto lengths = count("content-length");
  if (count("transfer-encoding") > 0) {
    if (lengths > 0) return refuse(400, "there are both Content-Length and Transfer-Encoding");
    if (head_.version == Version::http_1_0) return refuse(400, "HTTP/1.0 has no Transfer-Encoding");
    const auto* coding = head_.only_header("transfer-encoding");
    const bool chunked = coding && equals_ignoring_case(*coding, "chunked");
    return chunked ? refuse(411, "the body is chunked") : refuse(501, "the body has an unknown transfer coding");
  }
  if (lengths > 1) return refuse(400, "there is more than one Content-Length");
  if (lengths == 1) {
    const std::string& text = *head_.only_header("content-length");
    if (text.empty() || !std::ranges::all_of(text, is_digit)) return refuse(400, "the Content-Length is not a number");
    const auto read = std::from_chars(text.data(), text.data() + text.size(), head_.content_length);
    if (read.ec != std::errc() || head_.content_length > body_limit_) return refuse(413, "the body is too long");
  }
  if (head_.version == Version::http_1_0 || count("expect") == 0) return true;
  const auto* expected = head_.only_header("expect");
  if (!expected || !equals_ignoring_case(*expected, "100-continue")) return refuse(417, "an unknown expectation");
  head_.expects_continue = head_.content_length > 0;
  return true;
}

Head HeadParser::take_head() {
  assert(part_ == Part::done && "take_head() follows Step::complete");
  part_ = Part::before;
  head_bytes_ = 0;
  return std::exchange(head_, {});
}

bool HeadParser::refuse(int status, std::string_view reason) {
  refusal_ = {status, std::string(reason), {}};
  part_ = Part::refused;
  return false;
}

}  // namespace sluice::SLUICE_ABI::http
