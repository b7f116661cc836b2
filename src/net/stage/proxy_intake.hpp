// SPDX-License-Identifier: MIT
// Finds the client of a connection or a request behind proxies.
#pragma once

#include <memory>
#include <optional>

#include "net/proxy/addresses.hpp"
#include "net/proxy/proxy_header.hpp"
#include "net/shard/server_shard.hpp"
#include "net/socket/stream.hpp"
#include "sluice/http/head.hpp"

namespace sluice::SLUICE_ABI::net {

/// First the PROXY header of a connection, then the forwarding headers of each request. The client that they name is
/// counted against the limit on connections per address. Its executor only.
class ProxyIntake {
 public:
  enum class HeaderStep : std::uint8_t {
    need_more,
    complete,
    refused,        // it is no PROXY header
    over_capacity,  // complete, but its client has too many connections
  };

  /// `stream` and `slot` belong to the connection and live longer. With `accepted.proxy_protocol`, a trusted peer sends
  /// a PROXY header first.
  ProxyIntake(ServerShard& shard, Stream& stream, Admission::ConnectionSlot& slot, const AcceptedSocket& accepted);

  /// Some of the header has arrived.
  bool header_begun() const noexcept { return header_ && header_->begun(); }
  bool awaits_header() const noexcept { return header_ != nullptr; }
  /// Takes the header off the socket, and not a byte more: a TLS handshake may follow.
  HeaderStep read_header();
  /// Counts a header that is not complete and will not be.
  void count_missing_header() noexcept;

  /// Fills in the addresses and the host of a request that has arrived. Returns the refusal if it is not served.
  std::optional<http::Refusal> identify(RequestInfo& request);
  /// The request that was identified last came over TLS, here or to a proxy.
  bool secure() const noexcept { return secure_; }
  /// Counts the answer to it against the limit on refusals per address.
  void count_answer(int status);

  static http::Refusal too_many_connections() { return {503, "too many connections", {{"Retry-After", "5"}}}; }

 private:
  HeaderStep take_header();
  bool count_for(const IpEndpoint& client);

  ServerShard& shard_;
  Stream& stream_;
  Admission::ConnectionSlot& slot_;
  IpEndpoint peer_;                            // the peer, or the client that a PROXY header names
  std::optional<IpEndpoint> called_;           // the address that the client called, from a PROXY header
  bool tls_at_proxy_;                          // the client's TLS is terminated by a proxy, or by the caller of adopt()
  bool secure_ = false;                        // see secure()
  std::optional<asio::ip::address> client_;    // of the last request, unless it is a trusted proxy
  std::unique_ptr<ProxyHeaderReader> header_;  // until the header is complete
};

}  // namespace sluice::SLUICE_ABI::net
