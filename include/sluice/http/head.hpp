// SPDX-License-Identifier: MIT
// The head of an HTTP request, parsed as it arrives. Strict: a head that another server could read differently is
// refused (RFC 9112; request smuggling).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/transport/limits.hpp"
#include "sluice/transport/scope.hpp"

namespace sluice::SLUICE_ABI::http {

/// Why a request is not served: a status for the client, a sentence for the log (it never quotes the request), and
/// headers that the status asks for. A value.
struct Refusal {
  int status = 400;
  std::string reason;
  std::vector<std::pair<std::string, std::string>> headers;

  friend bool operator==(const Refusal&, const Refusal&) = default;
};

enum class Version : std::uint8_t { http_1_0, http_1_1 };

/// One request without its body. A value.
struct SLUICE_API Head {
  std::string method;  // as it came; methods are case-sensitive
  Version version = Version::http_1_1;
  /// path, raw_path, query_string and headers are filled; the addresses, scheme and subprotocols are not known here.
  RequestInfo request;
  std::size_t content_length = 0;  // bytes of body that follow the head, at most ServerLimits::body_bytes
  bool keep_alive = true;          // may the connection serve another request? HTTP/1.1 without Connection: close
  bool expects_continue = false;   // waits for continue_response before it sends the body

  /// The value of the only header of this lower-case name; null when there is none or more than one.
  const std::string* only_header(std::string_view lower_case_name) const noexcept;
  /// Does a comma-separated header of this name, in all its lines, hold the token in any case?
  bool has_token(std::string_view lower_case_name, std::string_view token) const noexcept;
};

/// The interim answer to a request that expects_continue (RFC 9110 section 10.1.1).
inline constexpr std::string_view continue_response = "HTTP/1.1 100 Continue\r\n\r\n";

/// The longest request target; a longer one gets 414. RFC 9110 section 4.1 asks for 8000 at least.
inline constexpr std::size_t max_target_bytes = 8000;

/// Parses request heads, one after the other. Work is linear in the bytes, however they are cut; a line is checked as
/// soon as it is complete.
///
///     switch (parser.next(input)) {
///       case HeadParser::Step::need_more: read on
///       case HeadParser::Step::complete: serve(parser.take_head()), the body or the first frames are in `input`
///       case HeadParser::Step::refused: answer refusal_response(parser.refusal()), and close
///     }
///
/// Strict: lines end in CRLF, no folding, no control bytes, names are tokens with the colon right behind them, exactly
/// one Host in HTTP/1.1, at most one Content-Length, no Transfer-Encoding. Header values may hold bytes above 127 and
/// are passed on as they are. The statuses:
///   400 anything malformed, also a path or query that is not UTF-8 (behaviour MW-6) or holds a bad escape or a NUL
///   411 a chunked body: clients of a WebSocket server know the length of their body
///   413 Content-Length past ServerLimits::body_bytes     414 a target past max_target_bytes
///   417 an Expect other than 100-continue                431 past ServerLimits::head_bytes or header_count
///   501 CONNECT, an endless method name, another transfer coding    505 neither HTTP/1.0 nor HTTP/1.1
/// One thread at a time.
class SLUICE_API HeadParser {
 public:
  enum class Step : std::uint8_t { need_more, complete, refused };

  explicit HeadParser(const ServerLimits& limits) noexcept
      : head_limit_(limits.head_bytes), header_limit_(limits.header_count), body_limit_(limits.body_bytes) {}

  /// Takes the head's bytes off the front of `input` and leaves what follows. A refused parser stays refused.
  Step next(std::string_view& input);
  /// After `complete`, once. The parser is then ready for the next head.
  Head take_head();
  /// Of the head that is being read; empty until its request line is whole.
  const std::string& method() const noexcept { return head_.method; }
  /// After `refused`.
  const Refusal& refusal() const noexcept { return refusal_; }

 private:
  enum class Part : std::uint8_t { before, request_line, headers, done, refused };

  bool take_piece(std::string_view piece);
  bool take_line(std::string_view line);
  bool take_request_line(std::string_view line);
  bool take_target(std::string_view target);
  bool take_header(std::string_view line);
  bool finish();
  bool finish_host();
  bool finish_body();
  bool refuse(int status, std::string_view reason);

  std::size_t head_limit_;
  std::size_t header_limit_;
  std::size_t body_limit_;
  std::size_t head_bytes_ = 0;
  std::string line_;       // the part of a line that came in earlier calls, its CR included
  std::string authority_;  // of a target with a scheme
  Part part_ = Part::before;
  Head head_;
  Refusal refusal_;
};

}  // namespace sluice::SLUICE_ABI::http
