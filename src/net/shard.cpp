// SPDX-License-Identifier: MIT
#include "net/shard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <asio/ip/tcp.hpp>
#include <utility>

#include "net/addresses.hpp"
#include "net/asio_connection.hpp"
#include "sluice/core/log.hpp"
#include "sluice/ws/http_response.hpp"

namespace sluice::net {
namespace {

constexpr std::size_t read_buffer_bytes = 64 * 1024;
constexpr std::size_t gathered_bytes = 256 * 1024;
// Connections past a limit are told 503 while they are few, and closed without a word when they are a flood.
constexpr std::size_t most_unseated = 64;
constexpr auto a_little_more = std::chrono::seconds(1);

void tell(void* connection, Poller::Readiness ready) { static_cast<AsioConnection*>(connection)->on_ready(ready); }

AsioConnection& connection_of(Deadline& deadline) noexcept { return static_cast<AsioConnection&>(deadline); }

}  // namespace

Shard::Shard(AsioExecutor& executor, Serving& serving)
    : executor_(executor),
      serving_(serving),
      poller_(std::make_shared<Poller>(executor, &tell)),
      most_gathered_(std::min(gathered_bytes, serving.options.limits.queued_bytes)) {}

Shard::~Shard() = default;

FrameBuffer& Shard::frames() {
  if (!frames_) frames_ = &executor_.local<FrameBuffer>();
  return *frames_;
}

ws::SharedDeflate& Shard::deflate() {
  if (!deflate_) deflate_ = std::make_unique<ws::SharedDeflate>(options().deflate);
  return *deflate_;
}

std::span<char> Shard::read_buffer() {
  if (!read_buffer_) read_buffer_ = std::make_unique_for_overwrite<char[]>(read_buffer_bytes);
  return {read_buffer_.get(), read_buffer_bytes};
}

const std::string& Shard::date() {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  if (date_.empty() || now != date_of_) {
    date_of_ = now;
    date_ = ws::http_date(now);
  }
  return date_;
}

void Shard::start(Stream stream, const asio::ip::tcp::endpoint& peer) {
  counters_.accepted.add();
  // A trusted proxy's connection counts for its client, as soon as that one is known.
  const bool counts_address = limits().connections_per_address > 0 && !trusts(options().proxies, peer.address());
  auto seat = serving_.admission.enter(counts_address ? unmapped(peer.address()).to_string() : std::string());
  const bool seated = static_cast<bool>(seat);
  if (!seated && unseated_ >= most_unseated) {
    counters_.count_refusal(503);
    load_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  if (!seated) ++unseated_;
  counters_.connections.add();
  auto connection = std::make_shared<AsioConnection>(*this, std::move(stream), std::move(seat), peer);
  ++held_;
  connection->start(connection);
}

void Shard::left(bool seated) noexcept {
  if (!seated) --unseated_;
  counters_.connections.subtract();
  load_.fetch_sub(1, std::memory_order_relaxed);
}

void Shard::forget() noexcept {
  if (--held_ > 0) return;
  tell_if_empty();
  until_forgotten_.reset();
}

void Shard::enter(AsioConnection& connection, Stage stage) {
  const auto now = executor_.now();
  switch (stage) {
    case Stage::handshake: handshakes_.add(connection, now + limits().handshake_time); break;
    case Stage::open: opened_.add(connection, Deadline::never); break;
    case Stage::closing: closing_.add(connection, now + limits().close_time); break;
  }
  arm_deadlines();
}

void Shard::arm_deadlines() {
  const auto next = std::min(handshakes_.next_due(), closing_.next_due());
  if (next >= armed_for_) return;
  armed_for_ = next;
  executor_.post_after(next - executor_.now(), [weak = weak_from_this()] {
    if (const auto shard = weak.lock()) shard->look_at_deadlines();
  });
}

void Shard::look_at_deadlines() {
  armed_for_ = Deadline::never;
  const auto now = executor_.now();
  for (DeadlineList* list : {&handshakes_, &closing_}) {
    // Whoever is told leaves the list, or goes to its back with a later deadline.
    while (list->next_due() <= now) connection_of(*list->front()).deadline_passed();
  }
  arm_deadlines();
}

void Shard::will_write(AsioConnection& connection) {
  if (writing_.empty()) {
    executor_.at_end_of_turn([weak = weak_from_this()] {
      if (const auto shard = weak.lock()) shard->write_all();
    });
  }
  writing_.push_back(&connection);
}

void Shard::write_all() {
  written_.swap(writing_);
  for (AsioConnection* connection : written_) connection->end_turn();
  written_.clear();
  if (deflate_) deflate_->settle();
}

std::vector<std::shared_ptr<AsioConnection>> Shard::present() {
  std::vector<std::shared_ptr<AsioConnection>> all;
  for (DeadlineList* list : {&handshakes_, &opened_, &closing_}) {
    for (Deadline* item = list->front(); item; item = list->after(*item)) all.push_back(connection_of(*item).self());
  }
  return all;
}

void Shard::stop(Stopping how, std::function<void()> when_empty) {
  if (stopping() && how.end >= stopping_.end) return;
  if (!stopping()) when_empty_ = std::move(when_empty);
  stopping_ = std::move(how);
  for (const auto& connection : present()) plan_to_go(*connection);
  const auto patience = stopping_.end - executor_.now();
  executor_.post_after(patience, [weak = weak_from_this()] {
    if (const auto shard = weak.lock()) shard->cut_off_all();
  });
  // Who is told of the end may take until then. What is held longer is held for ever.
  executor_.post_after(patience + limits().disconnect_grace + a_little_more, [weak = weak_from_this()] {
    if (const auto shard = weak.lock()) shard->give_up();
  });
  tell_if_empty();
}

void Shard::plan_to_go(AsioConnection& connection) { go_away_at(connection, stopping_.plan->next(executor_.now())); }

void Shard::go_away_at(AsioConnection& connection, Deadline::Time when) {
  executor_.post_after(when - executor_.now(), [weak = std::weak_ptr(connection.self())] {
    if (const auto alive = weak.lock()) alive->go_away();
  });
}

void Shard::cut_off_all() {
  for (const auto& connection : present()) {
    counters_.cut_off.add();
    connection->cut_off();
  }
}

void Shard::give_up() {
  if (!when_empty_) return;
  log(LogLevel::warning, fmt::format("stop: {} connections have ended, but are held by somebody still", held_));
  until_forgotten_ = shared_from_this();
  executor_.post(std::exchange(when_empty_, nullptr));
}

void Shard::tell_if_empty() {
  if (held_ == 0 && when_empty_) executor_.post(std::exchange(when_empty_, nullptr));
}

void Shard::tear_down() {
  const auto running = executor_.enter();
  torn_down_ = true;
  cut_off_all();
  if (held_ > 0) until_forgotten_ = shared_from_this();
}

}  // namespace sluice::net
