// SPDX-License-Identifier: MIT
// How the NATS channel layer is set up.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "sluice/layer/channel_layer.hpp"

namespace sluice {

/// How a NATS server is reached by TLS. Files are PEM, and read at every connection, so that they may be renewed. A
/// value.
struct NatsTls {
  std::string ca_file = {};           // who signs servers' certificates; empty: those that the system trusts
  std::string certificate_file = {};  // our own, where the server wants one
  std::string key_file = {};
  std::string host_name = {};  // the name in the server's certificate; empty: the host in the server's URL
  bool verify = true;          // false: any server is believed
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
  std::chrono::milliseconds expiry{60'000};            // an event that nobody read by then is dropped
  std::size_t message_bytes = 1024 * 1024;  // of one event; NATS servers take 1 MiB unless their max_payload says more

  std::chrono::milliseconds answer_time{5'000};  // the server has not answered by then: the connection counts as lost
  std::chrono::milliseconds join_time{5'000};    // a group_add that the server has not confirmed by then fails
  std::chrono::milliseconds close_time{5'000};   // close() and the destructor wait so long for what was accepted
  std::chrono::milliseconds reconnect_min{50};   // between two attempts: doubled each time, with jitter
  std::chrono::milliseconds reconnect_max{5'000};

  // What waits for NATS, while it is away or slow. Past either a send fails with no_room, or waits
  // (ChannelLayer::group_send_when_room).
  std::size_t waiting_events = 10'000;
  std::size_t waiting_bytes = 64 * 1024 * 1024;

  // What has arrived and waits for one executor, whose consumers are busy. Past either the layer reads no further.
  std::size_t arrived_events = 100'000;
  std::size_t arrived_bytes = 64 * 1024 * 1024;

  // What has arrived and is not read yet. A NATS server does not wait for a slow reader: past either, events are
  // dropped, counted, and reported to consumers as LayerDown and LayerUp.
  std::size_t unread_events = 65'536;
  std::size_t unread_bytes = 64 * 1024 * 1024;
};

}  // namespace sluice
