// SPDX-License-Identifier: MIT
#include "net/shard.hpp"

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

constexpr std::size_t read_buffer_bytes = 64 * 1024;
constexpr std::size_t gathered_bytes = 256 * 1024;
// Connections past a limit are answered with 503 while they are few, and closed without an answer when they are many.
constexpr std::size_t most_over_capacity = 64;
constexpr auto a_little_more = std::chrono::seconds(1);
// Of each turn, for those that have used up their share of one. It is looked at behind each.
constexpr auto greedy_time = std::chrono::milliseconds(1);
// A deadline that is looked at so late was missed by us.
constexpr auto stall = std::chrono::milliseconds(100);
constexpr auto longest_pause_after_stall = std::chrono::seconds(1);
// How long a peer that is too fast is not read; then it may have tokens again.
constexpr auto throttle_time = std::chrono::milliseconds(100);

// Slots so short that a deadline comes less than a hundredth late, and not all that lie within a second at once.
std::chrono::milliseconds wheel_slot_for(const Limits& limits) noexcept {
  auto shortest = std::chrono::milliseconds::max();
  for (const auto time : {limits.ping_every, limits.pong_time, limits.idle_time, limits.lifetime}) {
    if (time.count() > 0) shortest = std::min(shortest, time);
  }
  return std::clamp(shortest / 128, std::chrono::milliseconds(1), std::chrono::milliseconds(60'000));
}

void tell(void* connection, Poller::Readiness ready) {
  auto& told = *static_cast<AsioConnection*>(connection);
  told.guarded([&] { told.on_ready(ready); });
}

AsioConnection& connection_of(Deadline& deadline) noexcept { return static_cast<AsioConnection&>(deadline); }

}  // namespace

Shard::Shard(AsioExecutor& executor, Serving& serving, std::size_t number)
    : executor_(executor),
      serving_(serving),
      poller_(std::make_shared<Poller>(executor, &tell)),
      opened_(wheel_slot_for(limits()), executor.now()),
      born_(executor.now()),
      now_(born_),
      rates_(limits()),
      queued_bytes_(serving.queued_bytes, number),
      unused_bytes_(serving.unused_bytes, number),
      most_gathered_(std::min({gathered_bytes, limits().slow_bytes, limits().queued_bytes})) {}

Shard::~Shard() = default;

FrameBuffer& Shard::frames() {
  if (!frames_) frames_ = &executor_.local<FrameBuffer>();
  return *frames_;
}

ws::SharedDeflate& Shard::deflate() {
  if (!deflate_) deflate_ = std::make_unique<ws::SharedDeflate>(options().deflate);
  return *deflate_;
}

std::unique_ptr<ws::ServerProtocol> Shard::lend_protocol() {
  return spare_protocol_ ? std::move(spare_protocol_) : std::make_unique<ws::ServerProtocol>(limits());
}

std::span<char> Shard::read_buffer() {
  if (!read_buffer_) read_buffer_ = std::make_unique_for_overwrite<char[]>(read_buffer_bytes);
  return {read_buffer_.get(), read_buffer_bytes};
}

std::span<char> Shard::record_buffer() {
  if (!record_buffer_) record_buffer_ = std::make_unique_for_overwrite<char[]>(TlsSession::record_bytes);
  return {record_buffer_.get(), TlsSession::record_bytes};
}

const std::string& Shard::date() {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  if (date_.empty() || now != date_of_) {
    date_of_ = now;
    date_ = ws::http_date(now);
  }
  return date_;
}

void Shard::start(AcceptedSocket accepted) noexcept {
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
    if (accepted.tls) accepted.stream.speak_tls(std::move(accepted.tls), record_buffer());
    connection = std::make_shared<AsioConnection>(*this, std::move(accepted), std::move(slot));
  } catch (...) {
    log_failure("accept: a connection could not be served", std::current_exception());
    return uncount(has_slot);
  }
  ++held_;
  connection->guarded([&] { connection->start(connection); });
}

// A trusted proxy's connection counts for its client, as soon as that one is known.
Admission::ConnectionSlot Shard::slot_for(const asio::ip::tcp::endpoint& peer) {
  const bool counts_address = limits().connections_per_address > 0 && !trusts(options().proxies, peer.address());
  return serving_.admission.enter(counts_address ? unmapped(peer.address()).to_string() : std::string());
}

bool Shard::admit_over_capacity() noexcept {
  if (over_capacity_ >= most_over_capacity) {
    counters_.count_refusal(503);
    return false;
  }
  ++over_capacity_;
  return true;
}

void Shard::tls_failed(std::string_view why) {
  counters_.tls_failed.add();
  const auto untold = tls_failures_.event();
  if (!untold) return;
  const std::string others = *untold > 0 ? fmt::format(" ({} more since the last such line)", *untold) : "";
  log(LogLevel::info, fmt::format("tls: a connection failed: {}{}", why, others));
}

void Shard::uncount(bool had_slot) noexcept {
  if (!had_slot) --over_capacity_;
  counters_.connections.subtract();
  load_.fetch_sub(1, std::memory_order_relaxed);
}

void Shard::left(AsioConnection& connection) noexcept {
  uncount(static_cast<bool>(connection.slot()));
  gone_.add(connection, Deadline::never);
  try {
    end_turn_soon();
  } catch (...) {  // no memory: it is destroyed when another connection writes or ends
  }
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
    case Stage::handler: handling_.add(connection, Deadline::never); break;
    case Stage::throttled: throttled_.add(connection, now + throttle_time); break;
    case Stage::closing: closing_.add(connection, now + limits().close_time); break;
  }
  arm_deadlines();
}

void Shard::enter_open(AsioConnection& connection, std::optional<std::chrono::milliseconds> look_after) {
  opened_.turn(now_);
  opened_.add(connection, look_after ? now_ + *look_after : Deadline::never);
  arm_deadlines();
}

TokenBucket::Time Shard::look_at_clock() {
  now_ = executor_.now();
  tick_ = static_cast<Tick>((now_ - born_) / std::chrono::milliseconds(1));
  return now_;
}

void Shard::arm_deadlines() {
  auto next = std::min({handshakes_.next_due(), throttled_.next_due(), closing_.next_due(), opened_.next_due()});
  if (next == Deadline::never) return;
  next = std::max(next, judges_from_);
  alarms_.set(executor_, next, [weak = weak_from_this()] {
    if (const auto shard = weak.lock()) shard->look_at_deadlines();
  });
}

// An executor that stood still, or a machine that slept, has read nothing meanwhile: what has come in time is read
// before anybody is judged. Once, so that handlers that always block do not abolish the deadlines.
bool Shard::stood_still(Deadline::Time rang_for) {
  const auto late = now_ - rang_for;
  if (late < stall || std::exchange(judges_later_, true)) {
    judges_later_ = false;
    return false;
  }
  judges_from_ = now_ + std::min<Deadline::Time::duration>(late, longest_pause_after_stall);
  return true;
}

void Shard::look_at_deadlines() noexcept {
  const auto rang_for = alarms_.rang();
  const auto now = look_at_clock();
  if (now >= judges_from_ && !stood_still(rang_for)) {
    for (DeadlineList* list : {&handshakes_, &throttled_, &closing_}) {
      // Whoever is told leaves the list, or goes to its back with a later deadline.
      while (list->next_due() <= now) {
        AsioConnection& due = connection_of(*list->front());
        due.guarded([&] { due.on_deadline(); });
      }
    }
    opened_.turn(now);
    while (Deadline* item = opened_.take_due()) {
      AsioConnection& due = connection_of(*item);
      due.guarded([&] { due.websocket().check_limits(); });
    }
  }
  insist([this] { arm_deadlines(); });  // nobody else would look at those that are left
}

void Shard::will_write(AsioConnection& connection) {
  if (writing_.empty()) {
    if (limits().idle_time.count() > 0) look_at_clock();
    end_turn_soon();
  }
  writing_.push_back(&connection);
}

void Shard::end_turn_soon() {
  if (end_of_turn_) return;
  executor_.at_end_of_turn([weak = weak_from_this()] {
    if (const auto shard = weak.lock()) shard->end_turn();
  });
  end_of_turn_ = true;
}

void Shard::end_turn() noexcept {
  end_of_turn_ = false;
  write_all();
  while (Deadline* const item = gone_.front()) connection_of(*item).turn_after_end();
}

void Shard::write_all() noexcept {
  written_.swap(writing_);
  for (AsioConnection* connection : written_) {
    connection->guarded([connection] { connection->end_turn(); });
  }
  written_.clear();
  if (deflate_) deflate_->settle();
}

void Shard::resume_later(std::shared_ptr<AsioConnection> connection) {
  greedy_.push_back(std::move(connection));
  greedy_turn_soon();
}

void Shard::greedy_turn_soon() {
  if (greedy_turn_comes_) return;
  executor_.post([weak = weak_from_this()] {
    if (const auto shard = weak.lock()) shard->greedy_turn();
  });
  greedy_turn_comes_ = true;
}

void Shard::greedy_turn() {
  greedy_turn_comes_ = false;
  const auto enough = look_at_clock() + greedy_time;
  for (std::size_t count = greedy_.size(); count > 0 && now_ < enough; --count) {
    const auto connection = std::move(greedy_.front());
    greedy_.pop_front();
    connection->guarded([&] { connection->resume(); });
    look_at_clock();
  }
  if (!greedy_.empty()) greedy_turn_soon();
}

template <class Visit>
void Shard::each(Visit visit) {
  const auto visit_list = [&visit](DeadlineList& list) {
    for (Deadline* item = list.front(); item; item = list.after(*item)) visit(connection_of(*item));
  };
  for (DeadlineList* list : {&handshakes_, &handling_, &throttled_, &closing_}) visit_list(*list);
  opened_.each_list(visit_list);
}

QueueSizes Shard::sizes(Held what) {
  QueueSizes sizes;
  each([&sizes, what](AsioConnection& connection) {
    if (const std::size_t bytes = connection.held(what)) sizes.push_back(bytes);
  });
  std::ranges::sort(sizes, std::greater());
  return sizes;
}

void Shard::shed(Held what, std::size_t count) {
  std::vector<std::pair<std::size_t, std::shared_ptr<AsioConnection>>> holders;
  if (count == 0) return;
  each([&holders, what](AsioConnection& connection) {
    if (const std::size_t bytes = connection.held(what)) holders.emplace_back(bytes, connection.self());
  });
  count = std::min(count, holders.size());
  std::ranges::partial_sort(holders, holders.begin() + static_cast<std::ptrdiff_t>(count), std::greater(),
                            [](const auto& holder) { return holder.first; });
  for (std::size_t i = 0; i < count; ++i) holders[i].second->shed(what);
}

void Shard::stop(Stopping how, Function<void()> when_empty) noexcept {
  if (stopping() && how.end >= stopping_.end) return;
  if (!stopping()) when_empty_ = std::move(when_empty);
  stopping_ = std::move(how);
  each([this](AsioConnection& connection) { insist([&] { plan_to_go(connection); }); });
  const auto patience = stopping_.end - executor_.now();
  const auto later = [this](std::chrono::nanoseconds delay, void (Shard::*what)() noexcept) {
    insist([&] {
      executor_.post_after(delay, [weak = weak_from_this(), what] {
        if (const auto shard = weak.lock()) ((*shard).*what)();
      });
    });
  };
  later(patience, &Shard::cut_off_all);
  // Who is told of the end may take until then: what it does at that moment, and what it does about the end. What is
  // held longer is held for ever.
  later(patience + 2 * limits().disconnect_grace + a_little_more, &Shard::give_up);
  tell_if_empty();
}

void Shard::plan_to_go(AsioConnection& connection) { go_away_at(connection, stopping_.plan->next(executor_.now())); }

void Shard::go_away_at(AsioConnection& connection, Deadline::Time when) {
  executor_.post_after(when - executor_.now(), [weak = std::weak_ptr(connection.self())] {
    if (const auto alive = weak.lock()) alive->guarded([&] { alive->shutdown(); });
  });
}

void Shard::cut_off_all() noexcept {
  DeadlineList present;
  for (DeadlineList* list : {&handshakes_, &handling_, &throttled_, &closing_}) present.take_all(*list);
  opened_.each_list([&present](DeadlineList& list) { present.take_all(list); });
  while (Deadline* const item = present.front()) {
    AsioConnection& connection = connection_of(*item);
    counters_.cut_off_by_stop.add();
    connection.guarded([&] { connection.cut_off(); });
    if (present.front() == item) closing_.add(*item, executor_.now());  // it ends in a job of its own
  }
  end_turn();
}

void Shard::give_up() noexcept {
  if (!when_empty_) return;
  failures_.write(LogLevel::warning, "stop", [this] {
    return fmt::format("stop: {} connections have ended, but are held by somebody still", held_);
  });
  until_forgotten_ = shared_from_this();
  tell_empty();
}

void Shard::tell_if_empty() noexcept {
  if (held_ == 0 && when_empty_) tell_empty();
}

void Shard::tell_empty() noexcept {
  insist([this] {
    executor_.post([weak = weak_from_this()] {
      const auto shard = weak.lock();
      if (shard && shard->when_empty_) std::exchange(shard->when_empty_, nullptr)();
    });
  });
}

void Shard::keep(Kept connection) {
  if (kept_.size() >= many_kept_) {
    std::erase_if(kept_, [](const Kept& one) { return one.expired(); });
    many_kept_ = 64 + 2 * kept_.size();
  }
  kept_.push_back(std::move(connection));
}

void Shard::tear_down() {
  const auto running = executor_.take_over();
  torn_down_ = true;
  cut_off_all();
  greedy_.clear();
  executor_.end_turn();
  for (const Kept& one : std::exchange(kept_, {})) {
    const auto kept = one.lock();
    if (!kept || !*kept) continue;
    if (HttpStage* const stage = (*kept)->http()) stage->drop_request();
  }
  if (held_ > 0) until_forgotten_ = shared_from_this();
}

}  // namespace sluice::net
