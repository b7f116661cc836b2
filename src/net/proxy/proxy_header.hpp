// SPDX-License-Identifier: MIT
// The PROXY protocol: a header of a load balancer that names a connection's client, before its first byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/proxy/addresses.hpp"

namespace sluice::SLUICE_ABI::net {

/// The content of a header. A value.
struct ProxyHeader {
  /// False: the connection is the proxy's own, such as a health check, or its client is unknown. Then the TCP peer
  /// counts, and the other members are unused.
  bool has_addresses = false;
  IpEndpoint source;       // the client
  IpEndpoint destination;  // the address that it called
  bool tls = false;        // it reached the proxy over TLS (version 2 with PP2_TYPE_SSL)

  friend bool operator==(const ProxyHeader&, const ProxyHeader&) = default;
};

/// Reads one header of version 1 or 2 (haproxy's proxy-protocol.txt, sections 2.1 and 2.2), refusing at the first byte
/// that proves a fault. Of the TLVs, the checksum is verified, PP2_TYPE_SSL sets `tls`, and all others are skipped. UDP
/// is refused, UNIX addresses count as unknown. One thread at a time.
class ProxyHeaderReader {
 public:
  enum class Step : std::uint8_t { need_more, complete, refused };
  /// The longest header that is read, its TLVs included. Proxies send some hundred bytes.
  static constexpr std::size_t most_bytes = 4096;

  /// Takes the header's bytes off the front of `input`, and leaves what follows. Once complete or refused, it stays so.
  Step next(std::string_view& input);
  /// After `complete`.
  const ProxyHeader& header() const noexcept { return header_; }
  /// True if any byte has arrived.
  bool begun() const noexcept { return !bytes_.empty(); }

 private:
  Step judge();
  Step judge_line();
  Step judge_binary();

  std::string bytes_;
  Step step_ = Step::need_more;
  ProxyHeader header_;
};

}  // namespace sluice::SLUICE_ABI::net
