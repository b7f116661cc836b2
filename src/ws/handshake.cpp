// SPDX-License-Identifier: MIT
#include "sluice/ws/handshake.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <optional>

#include "core/base64.hpp"
#include "http/headers.hpp"
#include "http/text.hpp"

namespace sluice::SLUICE_ABI::ws {
namespace {

constexpr std::string_view version = "13";  // RFC 6455 section 4.1

http::Refusal refused(int status, const char* reason, http::HeaderFields headers = {}) {
  return {status, reason, std::move(headers)};
}

// Base64 of 16 bytes: 22 letters of its alphabet and two signs that pad it.
bool is_key(std::string_view text) noexcept {
  if (text.size() != 24 || !text.ends_with("==")) return false;
  text.remove_suffix(2);
  return std::ranges::all_of(text,
                             [](char c) { return http::is_letter(c) || http::is_digit(c) || c == '+' || c == '/'; });
}

std::optional<std::vector<std::string>> subprotocols_in(const http::Head& head) {
  std::vector<std::string> offers;
  const auto take = [&offers](std::string_view offer) {
    if (offers.size() == http::max_list_elements || !http::is_token(offer)) return false;
    if (std::ranges::find(offers, offer) != offers.end()) return false;
    offers.emplace_back(offer);
    return true;
  };
  for (const auto& [name, value] : head.request.headers) {
    if (name == "sec-websocket-protocol" && !http::each_in_list(value, take)) return std::nullopt;
  }
  return offers;
}

std::string joined(const http::Head& head, std::string_view name) {
  std::string all;
  for (const auto& [header, value] : head.request.headers) {
    if (header != name) continue;
    if (!all.empty()) all += ", ";
    all += value;
  }
  return all;
}

bool mentions_web_sockets(const http::Head& head) {
  return head.has_token("upgrade", "websocket") ||
         std::ranges::any_of(head.request.headers, [](auto& header) { return header.first == "sec-websocket-key"; });
}

}  // namespace

std::variant<PlainRequest, Upgrade, http::Refusal> check_upgrade(const http::Head& head) {
  if (!mentions_web_sockets(head)) return PlainRequest{};
  if (head.method != "GET") return refused(405, "a WebSocket is opened with GET", {{"Allow", "GET"}});
  if (head.version != http::Version::http_1_1) return refused(400, "a WebSocket is opened with HTTP/1.1");
  if (!head.has_token("upgrade", "websocket")) return refused(400, "Upgrade does not contain websocket");
  if (!head.has_token("connection", "upgrade")) return refused(400, "Connection does not contain Upgrade");
  if (head.content_length > 0) return refused(400, "a handshake has no body");
  const auto* asked = head.only_header("sec-websocket-version");
  if (!asked || *asked != version) {
    return refused(426, "only version 13 of the WebSocket protocol is supported",
                   {{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", std::string(version)}});
  }
  const auto* key = head.only_header("sec-websocket-key");
  if (!key || !is_key(*key)) return refused(400, "Sec-WebSocket-Key is not 16 bytes in base64");
  auto subprotocols = subprotocols_in(head);
  if (!subprotocols) return refused(400, "Sec-WebSocket-Protocol is not a list of at most 64 distinct tokens");
  auto extensions = parse_extensions(joined(head, "sec-websocket-extensions"));
  if (!extensions) return refused(400, "Sec-WebSocket-Extensions is not a list of extensions");
  return Upgrade{*key, std::move(*subprotocols), std::move(*extensions)};
}

void drop_handshake_headers(RequestInfo& request) {
  std::erase_if(request.headers, [](const auto& header) {
    const std::string_view name = header.first;
    return name == "connection" || name == "upgrade" || name.starts_with("sec-websocket-");
  });
}

std::string accept_key(std::string_view key) {
  const std::string salted = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  SHA1(reinterpret_cast<const unsigned char*>(salted.data()), salted.size(), digest.data());
  return base64_encode({reinterpret_cast<const char*>(digest.data()), digest.size()}, Base64::standard);
}

Result<std::string> accept_response(const Upgrade& upgrade, const Acceptance& acceptance, std::string_view extensions) {
  const std::string& chosen = acceptance.subprotocol();
  if (!chosen.empty() && std::ranges::find(upgrade.subprotocols, chosen) == upgrade.subprotocols.end()) {
    return Error(ErrorCode::invalid_argument, "accept: the client did not offer the subprotocol \"" + chosen + '"');
  }
  const auto clean = http::check_headers(
      acceptance.headers(), {"connection", "upgrade", "content-length", "transfer-encoding", "sec-websocket-accept",
                             "sec-websocket-extensions", "sec-websocket-protocol", "sec-websocket-version"});
  if (!clean) return Error(clean.error().code(), "accept: " + clean.error().context());
  std::string response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  http::append_header(response, "Sec-WebSocket-Accept", accept_key(upgrade.key));
  if (!chosen.empty()) http::append_header(response, "Sec-WebSocket-Protocol", chosen);
  if (!extensions.empty()) http::append_header(response, "Sec-WebSocket-Extensions", extensions);
  for (const auto& [name, value] : acceptance.headers()) http::append_header(response, name, value);
  return response += "\r\n";
}

}  // namespace sluice::SLUICE_ABI::ws
