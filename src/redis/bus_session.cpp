// SPDX-License-Identifier: MIT
#include "redis/bus_session.hpp"

#include <fmt/format.h>

#include "redis/bus_counters.hpp"

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

}  // namespace sluice::redis
