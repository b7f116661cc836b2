// SPDX-License-Identifier: MIT
// HTTP responses as bytes. An application's headers and texts cannot inject lines.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "sluice/abi.hpp"
#include "sluice/core/result.hpp"
#include "sluice/http/body_framing.hpp"
#include "sluice/http/head.hpp"
#include "sluice/transport/connection.hpp"
#include "sluice/transport/http.hpp"

namespace sluice::SLUICE_ABI::http {

/// The properties of a response that the request and the server decide. A value.
struct Answering {
  bool keep_alive = false;              // otherwise the response has Connection: close
  bool head_only = false;               // the request was HEAD: Content-Length as for GET, no body
  std::string date = {};                // the Date header's value, see date; empty: left out
  Version version = Version::http_1_1;  // of the request
};

/// "OK" for 200; empty for a status without a registered name.
SLUICE_API std::string_view reason_phrase(int status) noexcept;

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7), in whole seconds since 1970 as the system clock has them.
SLUICE_API std::string date(std::chrono::system_clock::time_point when);

/// The way in which the client finds the end of this response's body. After BodyEnd::connection the connection must
/// end.
SLUICE_API BodyEnd body_end(const HttpResponse& response, const Answering& answering) noexcept;

/// The answer to a plain request; without its body, where that comes in pieces. Fails with invalid_argument when the
/// status is not 200 to 599, a header is not clean, or the server writes the header itself (Content-Length,
/// Transfer-Encoding, Connection, Content-Type twice, Date).
SLUICE_API Result<std::string> response_bytes(const HttpResponse& response, const Answering& answering);

/// The answer to a handshake that the application denied; the connection closes after it. Fails like response_bytes.
SLUICE_API Result<std::string> denial_response(const Denial& denial, std::string_view date = {});

/// The answer to a request that was not understood; the connection closes after it. `head_only`: the request was HEAD.
/// Never fails.
SLUICE_API std::string refusal_response(const Refusal& refusal, std::string_view date = {}, bool head_only = false);

}  // namespace sluice::SLUICE_ABI::http
