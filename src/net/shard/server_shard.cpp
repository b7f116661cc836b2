// SPDX-License-Identifier: MIT
#include "net/shard/server_shard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <asio/ip/tcp.hpp>
#include <utility>

#include "core/failure.hpp"
#include "net/proxy/addresses.hpp"
#include "net/socket/tls_session.hpp"
#include "net/stage/asio_connection.hpp"
#include "sluice/core/log.hpp"
#include "sluice/http/response.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

constexpr std::size_t gathered_bytes = 256 * 1024;
// Connections past a limit are answered with 503 while they are few, and closed without an answer when they are many.
constexpr std::size_t most_over_capacity = 64;

// A connection that is closed without an answer.
void report_turned_away(ServerContext& context, const asio::ip::tcp::endpoint& peer) noexcept {
  try {
    const std::string address = to_text(peer);
    const ObservedSocket socket{context.next_socket_id(), address};
    const ConnectionRefusal cause = context.refusal_without_slot();
    context.observers.each([&](ServerObserver& observer) { observer.connection_refused(socket, cause); });
  } catch (...) {
    log_failure("a connection is not observed", std::current_exception());
  }
}

void on_ready(void* owner, Poller::Readiness ready) {
  auto& connection = *static_cast<AsioConnection*>(owner);
  if (ready.first) connection.shard().resume_queue().begin_turn();
  connection.guarded([&] { connection.on_ready(ready); });
}

}  // namespace

ServerShard::ServerShard(AsioExecutor& executor, ServerContext& context, std::size_t number)
    : executor_(executor),
      context_(context),
      observed_(context.observers),
      poller_(std::make_shared<Poller>(executor, &on_ready)),
      buffers_(executor, limits()),
      clock_(executor.now()),
      shutdown_(*this),
      deadlines_(*this),
      resume_queue_(*this),
      write_batch_(*this),
      rates_(limits()),
      queued_bytes_(context.queued_bytes, number),
      unused_bytes_(context.unused_bytes, number),
      most_gathered_(std::min({gathered_bytes, consumer_limits().slow_bytes, consumer_limits().queued_bytes})) {}

ServerShard::~ServerShard() = default;

ws::SharedDeflate& ServerShard::deflate() {
  if (!deflate_) {
    deflate_ = std::make_unique<ws::SharedDeflate>(options().deflate);
    write_batch_.settle(*deflate_);
  }
  return *deflate_;
}

const std::string& ServerShard::date() {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  if (date_.empty() || now != date_of_) {
    date_of_ = now;
    date_ = http::date(now);
  }
  return date_;
}

void ServerShard::start(AcceptedSocket accepted) noexcept {
  if (shutdown_.torn_down()) return;
  counters_.accepted.add();
  Admission::ConnectionSlot slot;
  std::shared_ptr<AsioConnection> connection;
  try {
    slot = slot_for(accepted.peer);
    if (!slot && !admit_over_capacity()) {
      if (observed_) report_turned_away(context_, accepted.peer);
      return expect_one_less();
    }
  } catch (...) {
    log_failure("accept: a connection could not be counted", std::current_exception());
    return expect_one_less();
  }
  counters_.connections.add();
  const bool has_slot = static_cast<bool>(slot);
  try {
    if (accepted.tls) accepted.stream.speak_tls(std::move(accepted.tls), buffers_.record_buffer());
    connection = std::make_shared<AsioConnection>(*this, std::move(accepted), std::move(slot));
  } catch (...) {
    log_failure("accept: a connection could not be served", std::current_exception());
    return uncount(has_slot);
  }
  shutdown_.connection_begins();
  connection->guarded([&] { connection->start(connection); });
}

// A trusted proxy's connection counts for its client, as soon as that one is known.
Admission::ConnectionSlot ServerShard::slot_for(const asio::ip::tcp::endpoint& peer) {
  const bool counts_address = limits().connections_per_address > 0 && !trusts(options().proxies, peer.address());
  return context_.admission.enter(counts_address ? unmapped(peer.address()).to_string() : std::string());
}

bool ServerShard::admit_over_capacity() noexcept {
  if (over_capacity_ >= most_over_capacity) {
    counters_.count_refusal(503);
    return false;
  }
  ++over_capacity_;
  return true;
}

void ServerShard::tls_failed(std::string_view why) {
  counters_.tls_failed.add();
  const auto suppressed = tls_failures_.event();
  if (!suppressed) return;
  const std::string others = *suppressed > 0 ? fmt::format(" ({} more since the last such line)", *suppressed) : "";
  log(LogLevel::info, fmt::format("tls: a connection failed: {}{}", why, others));
}

void ServerShard::uncount(bool had_slot) noexcept {
  if (!had_slot) --over_capacity_;
  counters_.connections.subtract();
  load_.fetch_sub(1, std::memory_order_relaxed);
}

void ServerShard::left(AsioConnection& connection) noexcept {
  uncount(static_cast<bool>(connection.slot()));
  write_batch_.add_ended(connection);
}

void ServerShard::will_write(AsioConnection& connection) {
  if (write_batch_.empty() && limits().idle_time.count() > 0) read_clock();
  write_batch_.add(connection);
}

QueueSizes ServerShard::sizes(Held what) {
  QueueSizes sizes;
  deadlines_.each([&sizes, what](AsioConnection& connection) {
    if (const std::size_t bytes = connection.held(what)) sizes.push_back(bytes);
  });
  std::ranges::sort(sizes, std::greater());
  return sizes;
}

void ServerShard::shed(Held what, std::size_t count) {
  std::vector<std::pair<std::size_t, std::shared_ptr<AsioConnection>>> holders;
  if (count == 0) return;
  deadlines_.each([&holders, what](AsioConnection& connection) {
    if (const std::size_t bytes = connection.held(what)) holders.emplace_back(bytes, connection.self());
  });
  count = std::min(count, holders.size());
  std::ranges::partial_sort(holders, holders.begin() + static_cast<std::ptrdiff_t>(count), std::greater(),
                            [](const auto& holder) { return holder.first; });
  for (std::size_t i = 0; i < count; ++i) {
    AsioConnection& connection = *holders[i].second;
    connection.guarded([&] { connection.shed(what); });
  }
}

}  // namespace sluice::SLUICE_ABI::net
