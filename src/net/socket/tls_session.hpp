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

/// Plain bytes here, records there. The handshake is done by reading. OpenSSL never has to wait with a record: what the
/// kernel doesn't take of it is kept here, so that a record once sealed is written, whatever the caller thinks of next.
/// Between bursts a session holds no buffer but what a slow peer makes necessary: a record that has come in part, and
/// one that has gone in part. Its executor only.
class TlsSession {
 public:
  /// Bytes that one record holds at most (RFC 8446 section 5.1).
  static constexpr std::size_t record_bytes = 16 * 1024;

  /// Writes gather small views in `gathering`, which lends record_bytes for the time of a call.
  TlsSession(std::shared_ptr<const TlsSettings> settings, int descriptor, std::span<char> gathering);
  TlsSession(TlsSession&&) = delete;

  /// `would_block` means that neither the session nor the descriptor has more for now.
  IoResult read_some(std::span<char> into);
  /// Seals one record of what the views hold. `would_block`: the kernel has not yet taken it, or an earlier one.
  IoResult write_some(std::span<const std::string_view> views);
  /// Says that nothing follows (close_notify), once.
  IoResult finish();
  /// The last read has met the end, behind the bytes that it brought.
  bool end_is_next() const noexcept { return end_.has_value(); }
  /// Is all that was sealed with the kernel?
  bool flushed() const noexcept { return unsent_.empty(); }

  /// Why TLS failed, and not merely the connection; empty as long as it has not.
  const std::string& failure() const noexcept { return failure_; }
  /// The failure is that the peer speaks HTTP without TLS.
  bool spoke_http() const noexcept { return spoke_http_; }
  /// What the client has proved to hold, if it was asked.
  std::optional<ClientCertificate> client_certificate() const;
  /// It was shown, and its time is over.
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
  bool drained_ = false;         // the descriptor had less than it was last asked for
  bool dry_ = false;             // and then nothing
  bool at_end_ = false;          // the descriptor had come to the peer's end
  std::optional<IoStatus> end_;  // nothing more will be read
  bool spoke_http_ = false;
};

}  // namespace sluice::SLUICE_ABI::net
