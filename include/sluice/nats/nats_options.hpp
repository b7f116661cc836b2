// SPDX-License-Identifier: MIT
// Options of the NATS channel layer.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/layer/channel_layer.hpp"

namespace sluice::SLUICE_ABI {

/// TLS for the connection to a NATS server. Files are PEM, and read at every connection, so that they may be renewed. A
/// value.
struct NatsTls {
  std::string ca_file = {};           // the authorities for servers' certificates; empty: those of the system
  std::string certificate_file = {};  // our own, if the server requires one
  std::string key_file = {};
  std::string host_name = {};  // the name in the server's certificate; empty: the host in the server's URL
  bool verify = true;          // false: any certificate is accepted
};

/// Processes share groups when they have the same prefix and servers of one NATS system. The constructor of a layer
/// throws std::invalid_argument for values that cannot work, with a message that holds no password. A value; fixed once
/// the layer is constructed.
struct NatsOptions {
  std::vector<std::string> servers = {"nats://localhost:4222"};  // tried in turn: nats://host[:port], tls://host[:port]
  std::string username = {};
  std::string password = {};
  std::string token = {};           // instead of the two
  std::optional<NatsTls> tls = {};  // for every server; without it a tls:// server is verified by NatsTls's defaults
  std::string prefix = "sluice";    // begins every subject; may have tokens: "shop.sluice"

  std::size_t capacity = 100;                          // events that wait in an inbox
  std::vector<ChannelCapacity> channel_capacity = {};  // exceptions to it; the first that fits counts
  std::chrono::milliseconds expiry{60'000};            // an event that is unread by then is dropped
  std::size_t message_bytes = 1024 * 1024;  // of one event; the default max_payload of a NATS server is 1 MiB

  std::chrono::milliseconds answer_time{5'000};  // the server has not answered by then: the connection counts as lost
  std::chrono::milliseconds join_time{5'000};    // a group_add that the server has not confirmed by then fails
  std::chrono::milliseconds close_time{5'000};   // close() and the destructor wait this long for accepted events
  std::chrono::milliseconds reconnect_min{50};   // between two attempts: doubled each time, with jitter
  std::chrono::milliseconds reconnect_max{5'000};

  // Events that wait for a NATS server that is down or slow. Above either bound a send fails with no_room, or waits
  // (ChannelLayer::group_send_when_room).
  std::size_t waiting_events = 10'000;
  std::size_t waiting_bytes = 64 * 1024 * 1024;

  // Events that have arrived and wait for one executor with busy consumers. Above either bound the layer stops reading.
  std::size_t arrived_events = 100'000;
  std::size_t arrived_bytes = 64 * 1024 * 1024;

  // Messages that have arrived and are not read yet. A NATS server does not wait for a slow reader: above either bound
  // events are dropped and counted, and consumers receive LayerDown and LayerUp.
  std::size_t unread_events = 65'536;
  std::size_t unread_bytes = 64 * 1024 * 1024;
};

}  // namespace sluice::SLUICE_ABI
