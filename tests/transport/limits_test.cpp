// SPDX-License-Identifier: MIT
#include "sluice/transport/limits.hpp"

#include "support/catch.hpp"

using namespace sluice;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("valid limits are accepted, up to the largest numbers", "[transport]") {
  CHECK(fault_of(ServerLimits()).empty());
  CHECK(fault_of(ConsumerLimits()).empty());
  ServerLimits largest;
  ConsumerLimits most;
  for (std::size_t* const size :
       {&largest.head_bytes, &largest.header_count, &largest.body_bytes, &largest.message_bytes, &most.queued_bytes,
        &most.slow_bytes, &most.backlog_bytes, &most.backlog_messages, &largest.connections,
        &largest.connections_per_address, &most.server_queued_bytes, &most.client_mail, &most.pages_per_connection,
        &largest.message_rate.per_second, &largest.message_rate.burst, &largest.byte_rate.per_second,
        &largest.byte_rate.burst}) {
    *size = SIZE_MAX;
  }
  for (auto* const time : {&largest.handshake_time, &largest.close_time, &largest.ping_every, &largest.pong_time,
                           &largest.idle_time, &largest.lifetime, &most.disconnect_grace}) {
    *time = longest_limit;
  }
  CHECK(fault_of(largest).empty());
  CHECK(fault_of(most).empty());
}

TEST_CASE("invalid limits are refused by name", "[transport]") {
  CHECK_THAT(fault_of({.head_bytes = 0}), ContainsSubstring("head_bytes"));
  CHECK_THAT(fault_of({.header_count = 0}), ContainsSubstring("header_count"));
  CHECK_THAT(fault_of({.message_bytes = 0}), ContainsSubstring("message_bytes"));
  CHECK_THAT(fault_of({.frames_per_message = 1U << 24U}), ContainsSubstring("frames_per_message"));
  CHECK_THAT(fault_of({.queued_bytes = 0}), ContainsSubstring("queued_bytes"));
  CHECK_THAT(fault_of({.client_mail = 0}), ContainsSubstring("client_mail"));
  CHECK_THAT(fault_of({.handshake_time = 0ms}), ContainsSubstring("handshake_time"));
  CHECK_THAT(fault_of({.close_time = longest_limit + 1ms}), ContainsSubstring("close_time"));
  CHECK_THAT(fault_of({.ping_every = std::chrono::milliseconds::max()}), ContainsSubstring("ping_every"));
  CHECK_THAT(fault_of({.lifetime = std::chrono::milliseconds::min()}), ContainsSubstring("lifetime"));
  CHECK_THAT(fault_of({.message_rate = {1, SIZE_MAX}}), ContainsSubstring("message_rate"));
  CHECK_THAT(fault_of({.byte_rate = {1'000, 2'000'000'000}}), ContainsSubstring("byte_rate"));
  CHECK_THAT(fault_of({.refusals_per_address = {1, SIZE_MAX}}), ContainsSubstring("refusals_per_address"));
}
