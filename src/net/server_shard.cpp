// SPDX-License-Identifier: MIT
#include "net/server_shard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <asio/ip/tcp.hpp>
#include <utility>

#include "core/failure.hpp"
#include "net/addresses.hpp"
#include "net/asio_connection.hpp"
#include "net/http_stage.hpp"
#include "net/insist.hpp"
#include "net/tls_session.hpp"
#include "sluice/core/log.hpp"
#include "ws/http_response.hpp"

namespace sluice::net {
namespace {

constexpr std::size_t gathered_bytes = 256 * 1024;
// Connections past a limit are answered with 503 while they are few, and closed without an answer when they are many.
constexpr std::size_t most_over_capacity = 64;
// Added to the time that handlers have, for this thread to run them.
constexpr auto a_little_more = std::chrono::seconds(1);

void on_ready(void* owner, Poller::Readiness ready) {
  auto& connection = *static_cast<AsioConnection*>(owner);
  connection.guarded([&] { connection.on_ready(ready); });
}

}  // namespace

ServerShard::ServerShard(AsioExecutor& executor, ServerContext& context, std::size_t number)
    : executor_(executor),
      context_(context),
      poller_(std::make_shared<Poller>(executor, &on_ready)),
      buffers_(executor, limits()),
      clock_(executor.now()),
      deadlines_(*this),
      resume_queue_(*this),
      write_batch_(*this),
      rates_(limits()),
      queued_bytes_(context.queued_bytes, number),
      unused_bytes_(context.unused_bytes, number),
      most_gathered_(std::min({gathered_bytes, limits().slow_bytes, limits().queued_bytes})) {}

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
    date_ = ws::http_date(now);
  }
  return date_;
}

void ServerShard::start(AcceptedSocket accepted) noexcept {
  if (torn_down_) return;
  counters_.accepted.add();
  Admission::ConnectionSlot slot;
  std::shared_ptr<AsioConnection> connection;
  try {
    slot = slot_for(accepted.peer);
    if (!slot && !admit_over_capacity()) return expect_one_less();
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
  ++held_;
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
  const auto untold = tls_failures_.event();
  if (!untold) return;
  const std::string others = *untold > 0 ? fmt::format(" ({} more since the last such line)", *untold) : "";
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

void ServerShard::forget() noexcept {
  if (--held_ > 0) return;
  notify_if_empty();
  until_forgotten_.reset();
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
  for (std::size_t i = 0; i < count; ++i) holders[i].second->shed(what);
}

void ServerShard::stop(Shutdown how, Function<void()> when_empty) noexcept {
  if (stopping() && how.end >= stopping_.end) return;
  if (!stopping()) when_empty_ = std::move(when_empty);
  stopping_ = std::move(how);
  deadlines_.each([this](AsioConnection& connection) { insist([&] { plan_shutdown(connection); }); });
  const auto patience = stopping_.end - executor_.now();
  const auto later = [this](std::chrono::nanoseconds delay, void (ServerShard::*what)() noexcept) {
    insist([&] {
      executor_.post_after(delay, [weak = weak_from_this(), what] {
        if (const auto shard = weak.lock()) ((*shard).*what)();
      });
    });
  };
  later(patience, &ServerShard::cut_off_all);
  // Handlers have this long for the work that they are at, and as long again for disconnect(). A connection that is
  // held longer is held for ever.
  later(patience + 2 * limits().disconnect_grace + a_little_more, &ServerShard::give_up);
  notify_if_empty();
}

void ServerShard::plan_shutdown(AsioConnection& connection) {
  shut_down_at(connection, stopping_.plan->next(executor_.now()));
}

void ServerShard::shut_down_at(AsioConnection& connection, Deadline::Time when) {
  executor_.post_after(when - executor_.now(), [weak = std::weak_ptr(connection.self())] {
    if (const auto alive = weak.lock()) alive->guarded([&] { alive->shutdown(); });
  });
}

void ServerShard::cut_off_all() noexcept {
  deadlines_.take_all(executor_.now(), [this](AsioConnection& connection) {
    counters_.cut_off_by_stop.add();
    connection.guarded([&] { connection.cut_off(); });
  });
  write_batch_.run();
}

void ServerShard::give_up() noexcept {
  if (!when_empty_) return;
  failures_.write(LogLevel::warning, "stop", [this] {
    return fmt::format("stop: {} connections have ended, but are held by somebody still", held_);
  });
  until_forgotten_ = shared_from_this();
  notify_empty();
}

void ServerShard::notify_if_empty() noexcept {
  if (held_ == 0 && when_empty_) notify_empty();
}

void ServerShard::notify_empty() noexcept {
  insist([this] {
    executor_.post([weak = weak_from_this()] {
      const auto shard = weak.lock();
      if (shard && shard->when_empty_) std::exchange(shard->when_empty_, nullptr)();
    });
  });
}

void ServerShard::keep(Kept connection) {
  if (kept_.size() >= many_kept_) {
    std::erase_if(kept_, [](const Kept& one) { return one.expired(); });
    many_kept_ = 64 + 2 * kept_.size();
  }
  kept_.push_back(std::move(connection));
}

void ServerShard::tear_down() {
  const auto running = executor_.take_over();
  torn_down_ = true;
  cut_off_all();
  resume_queue_.clear();
  executor_.end_turn();
  for (const Kept& one : std::exchange(kept_, {})) {
    const auto kept = one.lock();
    if (!kept || !*kept) continue;
    if (HttpStage* const stage = (*kept)->http()) stage->drop_request();
  }
  if (held_ > 0) until_forgotten_ = shared_from_this();
}

}  // namespace sluice::net
