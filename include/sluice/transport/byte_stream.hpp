// SPDX-License-Identifier: MIT
// An ordered stream of bytes to a server, for rooms that use a server without sockets of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/abi.hpp"
#include "sluice/core/error.hpp"
#include "sluice/core/executor.hpp"

namespace sluice::SLUICE_ABI {

/// How a stream is protected. A value.
struct TlsClientOptions {
  bool verify = true;                 // the server's certificate: its signature, and whether it names the host
  std::string ca_file = {};           // PEM; empty: what the system trusts
  std::string certificate_file = {};  // PEM, of this side; with key_file
  std::string key_file = {};
  bool verify_host = true;  // false: `verify` checks the signature, not the host's name

  friend bool operator==(const TlsClientOptions&, const TlsClientOptions&) = default;
};

/// Where a stream leads. A value.
struct Endpoint {
  std::string host = {};
  std::uint16_t port = 0;
  std::string socket_path = {};  // of a unix socket; then host and port do not count
  std::optional<TlsClientOptions> tls = {};

  /// "host:port" or the path.
  std::string to_string() const { return socket_path.empty() ? host + ":" + std::to_string(port) : socket_path; }

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// The callbacks of a stream. Called on the executor it was dialled for, never from inside a call of ByteStream or
/// Dialer. Its executor only.
class SLUICE_API StreamEvents {
 public:
  virtual void on_open() = 0;
  /// The next bytes; they live as long as the call.
  virtual void on_bytes(std::string_view bytes) = 0;
  /// The last call: the stream could not be opened, or it ended. There is no deadline: to stop waiting, destroy the
  /// stream.
  virtual void on_closed(const Error& error) = 0;

 protected:
  ~StreamEvents() = default;
};

/// One end of the stream. Its destructor closes it, and no callback follows; written bytes that are still queued are
/// lost. It may be destroyed inside a call of StreamEvents. Its executor only.
class SLUICE_API ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// Queues bytes; never waits. Bytes that are written before the stream is open are sent first. After the end it does
  /// nothing.
  virtual void write(std::string bytes) = 0;
  /// Bytes that the network has not taken yet.
  virtual std::size_t unwritten() const noexcept = 0;
  /// Stops reading, and does not notice the end of the stream, until resume_reading(). Bytes that were read before may
  /// still arrive. The default reads on: the caller keeps what arrives.
  virtual void pause_reading() {}
  virtual void resume_reading() {}
};

/// Opens streams. Any thread.
class SLUICE_API Dialer {
 public:
  virtual ~Dialer() = default;
  /// Begins to open a stream on `executor`, and returns at once. `events` outlives the stream.
  virtual std::unique_ptr<ByteStream> dial(const Endpoint& to, Executor& executor, StreamEvents& events) = 0;
};

}  // namespace sluice::SLUICE_ABI
