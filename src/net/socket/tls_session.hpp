// SPDX-License-Identifier: MIT
// The server's side of TLS on one descriptor.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/socket/io_result.hpp"
#include "net/socket/tls_settings.hpp"

namespace sluice::SLUICE_ABI::net {

/// Converts between plain bytes and TLS records. Reading does the handshake. OpenSSL never waits with a record: bytes
/// that the kernel does not take are kept here, so that a sealed record is written in any case. Between bursts a
/// session keeps no buffer except for a slow peer: a record that arrived in part, and one that was written in part. Its
/// executor only.
class TlsSession {
 public:
  /// Bytes that one record holds at most (RFC 8446 section 5.1).
  static constexpr std::size_t record_bytes = 16 * 1024;

  /// Writes gather small views in `gathering`, which has record_bytes for each call.
  TlsSession(std::shared_ptr<const TlsSettings> settings, int descriptor, std::span<char> gathering);
  TlsSession(TlsSession&&) = delete;

  /// `would_block` means that neither the session nor the descriptor has more for now.
  IoResult read_some(std::span<char> into);
  /// Seals one record of the views' bytes. `would_block`: the kernel has not yet taken it, or an earlier one.
  IoResult write_some(std::span<const std::string_view> views);
  /// Sends close_notify, once.
  IoResult finish();
  /// True if the last read reached the end, behind its bytes.
  bool end_is_next() const noexcept { return end_.has_value(); }
  /// True if the kernel has all sealed bytes.
  bool flushed() const noexcept { return unsent_.empty(); }

  /// Why TLS failed, not only the connection; empty as long as it has not.
  const std::string& failure() const noexcept { return failure_; }
  /// The failure is that the peer speaks HTTP without TLS.
  bool spoke_http() const noexcept { return spoke_http_; }
  /// The client's verified certificate, if one was requested.
  std::optional<ClientCertificate> client_certificate() const;
  /// It was shown, and has expired.
  bool client_certificate_expired() const noexcept;

 private:
  static int bio_read(BIO* bio, char* into, int size) noexcept;
  static int bio_write(BIO* bio, const char* bytes, int size) noexcept;
  static long bio_control(BIO* bio, int command, long, void*) noexcept;
  static const BIO_METHOD* bio_method();

  IoResult stopped(int result);
  bool send_record(std::string_view bytes) noexcept;
  bool flush() noexcept;

  std::shared_ptr<const TlsSettings> settings_;
  TlsSettings::Session session_;
  const int descriptor_;
  std::span<char> gathering_;
  std::string unsent_;
  std::string failure_;
  bool drained_ = false;         // the descriptor had fewer bytes than requested
  bool dry_ = false;             // and then nothing
  bool at_end_ = false;          // the descriptor had reached the peer's end
  std::optional<IoStatus> end_;  // nothing more will be read
  bool spoke_http_ = false;
};

}  // namespace sluice::SLUICE_ABI::net
