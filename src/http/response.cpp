// SPDX-License-Identifier: MIT
#include "sluice/http/response.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "core/ascii.hpp"
#include "http/headers.hpp"
#include "http/text.hpp"

namespace sluice::SLUICE_ABI::http {
namespace {

constexpr std::string_view plain_text = "text/plain; charset=utf-8";

struct Answer {
  int status;
  std::string_view connection;
  std::string_view content_type;
  std::string_view body;
  std::optional<std::uint64_t> length;  // nullopt: it is not known yet
  bool chunked;
  std::string_view date;
  const HeaderFields& headers;
};

bool may_have_body(int status) noexcept { return status != 204 && status != 304; }

std::string written(const Answer& answer, bool head_only) {
  const std::string_view body = may_have_body(answer.status) ? answer.body : std::string_view();
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", answer.status, reason_phrase(answer.status));
  out.reserve(out.size() + 256 + body.size());
  if (!answer.date.empty()) append_header(out, "Date", answer.date);
  if (!answer.connection.empty()) append_header(out, "Connection", answer.connection);
  if (may_have_body(answer.status)) {
    if (!answer.content_type.empty()) append_header(out, "Content-Type", answer.content_type);
    if (answer.length) append_header(out, "Content-Length", std::to_string(*answer.length));
    if (answer.chunked) append_header(out, "Transfer-Encoding", "chunked");
  }
  for (const auto& [name, value] : answer.headers) append_header(out, name, value);
  out += "\r\n";
  if (!head_only) out += body;
  return out;
}

Result<> check_status(int status) {
  if (status >= 200 && status <= 599) return {};
  return Error(ErrorCode::invalid_argument, fmt::format("the status {} is not one of 200 to 599", status));
}

bool names_content_type(const HeaderFields& headers) {
  for (const auto& [name, value] : headers) {
    if (equals_ignoring_case(name, "content-type")) return true;
  }
  return false;
}

}  // namespace

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return {};
  }
}

std::string date(std::chrono::system_clock::time_point when) {
  static constexpr std::array<const char*, 7> weekdays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(when);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(when - day));
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", weekdays[std::chrono::weekday(day).c_encoding()],
                     unsigned(date.day()), months[unsigned(date.month()) - 1], int(date.year()), time.hours().count(),
                     time.minutes().count(), time.seconds().count());
}

BodyEnd body_end(const HttpResponse& response, const Answering& answering) noexcept {
  if (answering.head_only || !may_have_body(response.status())) return BodyEnd::no_body;
  if (response.length()) return BodyEnd::length;
  return answering.version == Version::http_1_1 ? BodyEnd::chunked : BodyEnd::connection;
}

Result<std::string> response_bytes(const HttpResponse& response, const Answering& answering) {
  if (auto good = check_status(response.status()); !good) return good.error();
  auto clean = check_headers(response.headers(),
                             {"connection", "content-length", "content-type", "date", "transfer-encoding", "upgrade"});
  if (!clean) return clean.error();
  if (!is_header_value(response.content_type())) {
    return Error(ErrorCode::invalid_argument, "the content type holds a control byte");
  }
  const BodyEnd end = body_end(response, answering);
  const bool closes = !answering.keep_alive || end == BodyEnd::connection;
  return written({response.status(), closes ? "close" : "", response.content_type(), response.body(), response.length(),
                  end == BodyEnd::chunked, answering.date, response.headers()},
                 answering.head_only);
}

Result<std::string> denial_response(const Denial& denial, std::string_view date) {
  if (auto good = check_status(denial.http_status()); !good) return good.error();
  auto clean =
      check_headers(denial.headers(), {"connection", "content-length", "date", "transfer-encoding", "upgrade"});
  if (!clean) return clean.error();
  const bool typed = denial.body().empty() || names_content_type(denial.headers());
  return written({denial.http_status(), "close", typed ? "" : plain_text, denial.body(), denial.body().size(), false,
                  date, denial.headers()},
                 false);
}

std::string refusal_response(const Refusal& refusal, std::string_view date, bool head_only) {
  const std::string body = refusal.reason + "\n";
  // A 426 names the protocol in Upgrade, and Connection must then say so (RFC 9110 section 7.8).
  const std::string_view connection = refusal.status == 426 ? "Upgrade, close" : "close";
  return written({refusal.status, connection, plain_text, body, body.size(), false, date, refusal.headers}, head_only);
}

}  // namespace sluice::SLUICE_ABI::http
