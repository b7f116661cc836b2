// SPDX-License-Identifier: MIT
#include "redis/bus_session.hpp"

#include <fmt/format.h>

#include "layer/hub/hub.hpp"
#include "redis/bus_counters.hpp"
#include "redis/echo_proof.hpp"

namespace sluice::redis {

void take_receipt(Publication& publication, const Result<Reply>& reply, BusHome& home) {
  const std::string what = fmt::format("{} \"{}\"", name_of(publication.to), publication.name);
  if (!reply) {
    count(home.counters().unconfirmed);
    publication.failed(
        Error(reply.error().code(), fmt::format("{}: perhaps not sent: {}", what, reply.error().context())));
  } else if (reply->kind != Reply::Kind::integer) {
    home.refused(name_of(publication.to), publication.name, *reply);
    publication.failed(unexpected(what, *reply));
  } else {
    publication.reached(static_cast<std::size_t>(reply->integer));
  }
}

bool is_behind_now(const Link& reader, BusHome& home) {
  return reader.paused() || home.executor().now() - reader.last_received() < EchoProof::tick_time;
}

// Redis keeps what is not read, up to its own output-buffer limit, and cuts the connection past that.
void pause_while_full(const std::shared_ptr<Link>& reader, BusHome& home) {
  if (reader->paused() || home.hub().has_room()) return;
  home.when_room([weak = std::weak_ptr(reader)] {
    if (const auto paused = weak.lock()) paused->resume_reading();
  });
  reader->pause_reading();
}

}  // namespace sluice::redis
