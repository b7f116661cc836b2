// SPDX-License-Identifier: MIT
#include "sluice/net/server_observer.hpp"

namespace sluice::SLUICE_ABI {

std::string_view to_string(ConnectionRefusal cause) noexcept {
  switch (cause) {
    case ConnectionRefusal::server_full: return "server_full";
    case ConnectionRefusal::address_full: return "address_full";
    case ConnectionRefusal::too_many_refusals: return "too_many_refusals";
    case ConnectionRefusal::tls_failed: return "tls_failed";
    case ConnectionRefusal::bad_proxy_header: return "bad_proxy_header";
  }
  return "";
}

std::string_view to_string(WebSocketEndedBy by) noexcept {
  switch (by) {
    case WebSocketEndedBy::client: return "client";
    case WebSocketEndedBy::gateway: return "gateway";
    case WebSocketEndedBy::stop: return "stop";
    case WebSocketEndedBy::limit: return "limit";
  }
  return "";
}

}  // namespace sluice::SLUICE_ABI
