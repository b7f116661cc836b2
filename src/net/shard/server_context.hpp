// SPDX-License-Identifier: MIT
// The shared state of a server's shards.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <asio/ip/tcp.hpp>

#include "net/limits/admission.hpp"
#include "net/limits/drain_plan.hpp"
#include "net/limits/queued_bytes.hpp"
#include "net/limits/refusals.hpp"
#include "net/limits/return_times.hpp"
#include "net/loop/deadline_list.hpp"
#include "net/socket/stream.hpp"
#include "observe/observers.hpp"
#include "sluice/net/asio_server.hpp"
#include "sluice/net/server_observer.hpp"

namespace sluice::SLUICE_ABI::net {

/// Bytes that a server holds for its clients: queued for them, or received and not used yet.
enum class Held : std::uint8_t { queued, unused };

/// What all shards of a server share. Fixed while it serves.
struct ServerContext {
  Gateway& gateway;
  const AsioServerOptions options;
  const ConsumerLimits consumer_limits;  // the gateway's
  Admission admission;
  Refusals refusals;
  QueuedBytes queued_bytes;
  QueuedBytes unused_bytes;
  ReturnTimes return_times;                 // of clients that are closed with 1013
  const std::function<void(Held)> relieve;  // called when held bytes exceed their limit; any thread
  observe::Observers<ServerObserver> observers{options.observers};
  std::atomic<std::uint64_t> last_socket{0};                              // id of an observed connection
  std::atomic<std::chrono::system_clock::time_point> stopping_since{{}};  // stop() was called then; zero: it was not

  std::uint64_t next_socket_id() noexcept { return last_socket.fetch_add(1, std::memory_order_relaxed) + 1; }
  /// Why a new connection got no slot.
  ConnectionRefusal refusal_without_slot() const noexcept {
    return admission.full() ? ConnectionRefusal::server_full : ConnectionRefusal::address_full;
  }
};

/// A connection from an acceptor or AsioServer::adopt. A value that moves.
struct AcceptedSocket {
  Stream stream;
  asio::ip::tcp::endpoint peer;
  std::shared_ptr<const TlsSettings> tls;  // null: the connection does not use TLS
  bool proxy_protocol;                     // a trusted peer begins it with a PROXY header
  bool secure = false;                     // the client's TLS is terminated before this server
  std::string read = {};                   // bytes that were read before
};

/// How a server stops. A value.
struct Shutdown {
  std::shared_ptr<DrainPlan> plan;
  CloseReason close_reason = StopOptions().reason;
  Deadline::Time end = Deadline::never;  // then remaining connections are cut off
};

}  // namespace sluice::SLUICE_ABI::net
