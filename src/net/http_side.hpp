// SPDX-License-Identifier: MIT
// What a connection holds while it speaks HTTP; gone once its handshake is accepted.
#pragma once

#include <memory>
#include <optional>

#include <asio/ip/tcp.hpp>

#include "net/asio_connection.hpp"
#include "net/http_reader.hpp"
#include "net/proxy_header.hpp"
#include "sluice/core/task.hpp"
#include "sluice/transport/http.hpp"

namespace sluice::net {

struct AsioConnection::Http {
  Http(const Limits& limits, const Endpoint& peer) : reader(limits), peer(peer) {}

  HttpReader reader;
  Endpoint peer;                                    // who is connected, or whom a PROXY header names instead
  std::optional<asio::ip::address> client;          // of the request in hand, unless it is a trusted proxy
  std::optional<Endpoint> called;                   // the address that a PROXY header says was called
  bool tls_before = false;                          // a PROXY header says that TLS ends there
  bool secure = false;                              // the request in hand came over TLS, here or at a proxy
  std::unique_ptr<ProxyHeaderReader> proxy_header;  // until it has come
  std::optional<HttpRequest> request;               // in the handler's hands
  std::optional<Task<HttpResponse>> task;           // the handler's work; it refers to the request
  Executor::Clock::time_point waits_since;          // for a request
  std::weak_ptr<std::shared_ptr<AsioConnection>> kept_for_handler;  // its client has gone while it was at work
  bool keep_alive = false;
  bool head_only = false;
  enum class State { reading, handling, responding } state = State::reading;
};

}  // namespace sluice::net
