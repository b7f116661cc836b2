// SPDX-License-Identifier: MIT
// The request of a connection, put together piece by piece.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sluice/transport/scope.hpp"

/// Handshake().query("jwt_token=x").header("cookie", "a=b").scope()
class Handshake {
 public:
  Handshake() {
    request_.path = request_.raw_path = "/ws/core/";
    request_.client_address = "192.0.2.7:51234";
    request_.server_address = "192.0.2.1:80";
  }
  Handshake& query(std::string text) {
    request_.query_string = std::move(text);
    return *this;
  }
  Handshake& header(std::string name, std::string value) {
    request_.headers.emplace_back(std::move(name), std::move(value));
    return *this;
  }
  Handshake& offers(std::vector<std::string> subprotocols) {
    request_.subprotocols = std::move(subprotocols);
    return *this;
  }
  sluice::Scope scope() const { return sluice::Scope(request_); }

 private:
  sluice::RequestInfo request_;
};
