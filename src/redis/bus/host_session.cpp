// SPDX-License-Identifier: MIT
#include "redis/bus/host_session.hpp"

#include <fmt/format.h>

#include "redis/bus/echo_proof.hpp"

namespace sluice::SLUICE_ABI::redis {
namespace {

std::string call_of(const BusMessage& message) { return fmt::format("{} \"{}\"", name_of(message.to), message.name); }

}  // namespace

void unconfirmed(BusMessage& message, const Error& error, RedisContext& context) {
  count(context.counters().unconfirmed);
  message.failed(Error(error.code(), fmt::format("{}: perhaps not sent: {}", call_of(message), error.context())));
}

void take_receipt(BusMessage& message, const Result<Reply>& reply, RedisContext& context) {
  if (!reply) {
    unconfirmed(message, reply.error(), context);
  } else if (reply->kind != Reply::Kind::integer) {
    context.refused(name_of(message.to), message.name, *reply);
    message.failed(unexpected(call_of(message), *reply));
  } else {
    message.reached(static_cast<std::size_t>(reply->integer));
  }
}

bool is_behind_now(const Link& reader, RedisContext& context) {
  return reader.paused() || context.executor().now() - reader.last_received() < EchoProof::tick_time;
}

// Redis keeps unread data up to its output-buffer limit, and closes the connection above that.
void pause_while_full(const std::shared_ptr<Link>& reader, BusEvents& layer) {
  if (reader->paused() || layer.has_room()) return;
  layer.when_room([weak = std::weak_ptr(reader)] {
    if (const auto paused = weak.lock()) paused->resume_reading();
  });
  reader->pause_reading();
}

}  // namespace sluice::SLUICE_ABI::redis
