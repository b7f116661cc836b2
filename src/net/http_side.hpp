// SPDX-License-Identifier: MIT
// What a connection holds while it speaks HTTP; gone once its handshake is accepted.
#pragma once

#include <optional>

#include <asio/ip/tcp.hpp>

#include "net/asio_connection.hpp"
#include "net/http_reader.hpp"
#include "sluice/core/task.hpp"
#include "sluice/transport/http.hpp"

namespace sluice::net {

struct AsioConnection::Http {
  Http(const Limits& limits, const asio::ip::tcp::endpoint& peer) : reader(limits), peer(peer) {}

  HttpReader reader;
  asio::ip::tcp::endpoint peer;
  std::optional<HttpRequest> request;      // in the handler's hands
  std::optional<Task<HttpResponse>> task;  // the handler's work; it refers to the request
  bool keep_alive = false;
  bool head_only = false;
  enum class State { reading, handling, responding } state = State::reading;
};

}  // namespace sluice::net
