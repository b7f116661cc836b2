// SPDX-License-Identifier: MIT
// Options of the Redis channel layers: with channels_redis's names, and a few more.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/layer/channel_layer.hpp"
#include "sluice/transport/byte_stream.hpp"

namespace sluice::SLUICE_ABI {

/// One Redis server, the master that some sentinels know, or a cluster. A value.
///
///     redis://[[user]:password@]host[:6379][/database]
///     rediss://...                                       TLS; ?ssl_ca_certs=FILE, ?ssl_cert_reqs=none
///     unix://[[user]:password@]/path/of/socket[?db=database]
///     sentinel://[[user]:password@]host[:26379][,host...]/master[/database]
///     cluster://[[user]:password@]host[:6379][,host...]   a Redis Cluster, for the pub/sub layer: some of its members
///
/// With ?ssl=true or any of the ssl_ options, sentinels, clusters and the servers that they name are reached by TLS.
/// Other options of redis-py are ignored and logged. In a user name or password '/', '?', '@' and '%' are written as
/// %2F, %3F, %40 and %25.
class SLUICE_API RedisHost {
 public:
  /// Throws std::invalid_argument for any other URL, with a message that contains no part of a password.
  RedisHost(std::string_view url);
  RedisHost(const char* url) : RedisHost(std::string_view(url)) {}
  RedisHost(const std::string& url) : RedisHost(std::string_view(url)) {}

  /// The server; for sentinels, the settings for the master that they name, without its address.
  Endpoint endpoint;
  std::string username = {};
  std::string password = {};
  unsigned database = 0;

  std::vector<Endpoint> sentinels = {};  // none: `endpoint` is the server
  std::string master_name = {};
  std::string sentinel_username = {};
  std::string sentinel_password = {};

  std::vector<Endpoint> cluster = {};  // members of a cluster: `endpoint` is not used

  /// For a log: never with a password.
  std::string to_string() const;
};

enum class SerializerFormat : std::uint8_t { msgpack, json };

/// The conversion of byte strings, which JSON lacks.
enum class Bytes : std::uint8_t {
  base64,  // they arrive as Base64 text, and none can be sent
  tagged,  // they arrive as {"__bytes__": Base64}, and such an object is sent as bytes. Not where events carry JSON
           // from clients: whoever writes that object then sends bytes, which a Django consumer may not expect
};

/// Both sides of a group must agree on prefix, serializer_format, symmetric_encryption_keys and random_prefix_length:
/// nothing on the wire shows them. A value; fixed once the layer is constructed.
struct RedisOptions {
  // --- by channels_redis's names
  std::vector<RedisHost> hosts = {"redis://localhost:6379"};
  std::string prefix = "asgi";
  std::chrono::seconds expiry{60};            // an event that is unread by then is dropped
  std::chrono::seconds group_expiry{86'400};  // a membership that its process has not renewed by then ends
  std::size_t capacity = 100;                 // events that wait in a channel; for the core layer: of a process
  std::vector<ChannelCapacity> channel_capacity = {};
  std::vector<std::string> symmetric_encryption_keys = {};  // the first encrypts, all decrypt
  SerializerFormat serializer_format = SerializerFormat::msgpack;
  std::size_t random_prefix_length = 12;  // of the core layer

  // --- beyond
  std::size_t message_bytes = 8 * 1024 * 1024;  // of one event; a larger one is refused
  Bytes bytes = Bytes::base64;

  std::size_t process_capacity = 10'000;  // events that wait for a whole Sluice process

  std::chrono::milliseconds answer_time{5'000};  // Redis has not answered by then: the connection counts as lost
  std::chrono::milliseconds join_time{5'000};    // a group_add that Redis has not confirmed by then fails
  std::chrono::milliseconds close_time{5'000};   // close() and the destructor wait this long for accepted events
  std::chrono::milliseconds reconnect_min{50};   // between two attempts: doubled each time, with jitter
  std::chrono::milliseconds reconnect_max{5'000};

  // Events that wait for a Redis that is down or slow. Above either bound a send fails with no_room, or waits
  // (ChannelLayer::group_send_when_room).
  std::size_t waiting_events = 10'000;
  std::size_t waiting_bytes = 64 * 1024 * 1024;

  // Events that were read from Redis and wait for one executor with busy consumers. Above either bound the process
  // stops reading, and Redis keeps the rest: in the inbox (process_capacity), or up to its output-buffer limit.
  std::size_t arrived_events = 100'000;
  std::size_t arrived_bytes = 64 * 1024 * 1024;  // with 256 for each event
};

}  // namespace sluice::SLUICE_ABI
