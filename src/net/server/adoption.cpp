// SPDX-License-Identifier: MIT
#include "net/server/adoption.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include "http/headers.hpp"
#include "http/text.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

constexpr std::size_t room_behind = 64 * 1024;  // of a parser that reads by such pieces

Error unusable(int descriptor, std::string_view why) {
  return Error(ErrorCode::invalid_argument, fmt::format("adopt {}: {}", descriptor, why));
}

int option(int descriptor, int name) noexcept {
  int value = -1;
  socklen_t size = sizeof value;
  return ::getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

Result<IpEndpoint> given_address(int descriptor, std::string_view text) {
  const auto hop = parse_hop(text);
  if (hop && hop->endpoint) return *hop->endpoint;
  return unusable(descriptor, "client_address is no IP address");
}

}  // namespace

std::size_t most_adopted_bytes(const ServerLimits& limits) noexcept {
  return limits.head_bytes + std::max(limits.body_bytes, limits.message_bytes) + room_behind;
}

Result<IpEndpoint> peer_of_adopted(int descriptor, std::size_t read, const AdoptOptions& options,
                                   const ServerLimits& limits) {
  const int type = option(descriptor, SO_TYPE);
  if (type < 0) return unusable(descriptor, std::generic_category().message(errno));
  if (type != SOCK_STREAM) return unusable(descriptor, "it is no stream socket");
  if (option(descriptor, SO_ACCEPTCONN) == 1) return unusable(descriptor, "it listens");
  IpEndpoint peer;
  auto size = static_cast<socklen_t>(peer.capacity());
  if (::getpeername(descriptor, peer.data(), &size) != 0) {
    return unusable(descriptor, std::generic_category().message(errno));
  }
  if (options.tls && (read > 0 || options.secure)) {
    return unusable(descriptor, read > 0 ? "TLS can't begin behind bytes that were read"
                                         : "TLS ends at the caller or here, not at both");
  }
  if (read > most_adopted_bytes(limits)) {
    return unusable(descriptor,
                    fmt::format("{} bytes were read, and adopt() takes {}", read, most_adopted_bytes(limits)));
  }
  if (!options.client_address.empty()) return given_address(descriptor, options.client_address);
  const int family = option(descriptor, SO_DOMAIN);
  if (family == AF_INET || family == AF_INET6) return peer;
  return unusable(descriptor, "client_address is required for a socket that is no TCP socket");
}

Result<> make_ready(int descriptor) {
  const int status = ::fcntl(descriptor, F_GETFL);
  const int flags = ::fcntl(descriptor, F_GETFD);
  if (status >= 0 && flags >= 0 && ::fcntl(descriptor, F_SETFL, status | O_NONBLOCK) == 0) {
    if (::fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC) == 0) return {};
    ::fcntl(descriptor, F_SETFL, status);
  }
  return unusable(descriptor, std::generic_category().message(errno));
}

Result<std::string> head_of(const AdoptedRequest& request) {
  if (!http::is_token(request.method)) return Error(ErrorCode::invalid_argument, "adopt: the method is not a token");
  const auto stands_in_target = [](char c) { return !http::is_control_byte(c) && c != ' '; };
  if (request.target.empty() || !std::ranges::all_of(request.target, stands_in_target)) {
    return Error(ErrorCode::invalid_argument, "adopt: the target is empty, or holds a blank or a control byte");
  }
  const std::string_view version = request.version == http::Version::http_1_0 ? "HTTP/1.0" : "HTTP/1.1";
  std::string head = fmt::format("{} {} {}\r\n", request.method, request.target, version);
  for (const auto& [name, value] : request.headers) {
    if (!http::is_token(name)) return Error(ErrorCode::invalid_argument, "adopt: a header's name is not a token");
    if (!http::is_header_value(value)) {
      return Error(ErrorCode::invalid_argument, fmt::format("adopt: the header {} holds a control byte", name));
    }
    http::append_header(head, name, value);
  }
  return head += "\r\n";
}

}  // namespace sluice::SLUICE_ABI::net
