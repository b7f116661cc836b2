// SPDX-License-Identifier: MIT
#include "net/shard/shard_shutdown.hpp"

#include <fmt/format.h>

#include <utility>

#include "net/loop/insist.hpp"
#include "net/shard/server_shard.hpp"
#include "net/stage/asio_connection.hpp"
#include "net/stage/http_stage.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

// Added to the time that handlers have, for this thread to run them.
constexpr auto a_little_more = std::chrono::seconds(1);

}  // namespace

void ShardShutdown::connection_destroyed() noexcept {
  if (--held_ > 0) return;
  notify_if_empty();
  until_empty_.reset();
}

void ShardShutdown::begin(Shutdown how, Function<void()> when_empty) noexcept {
  if (begun() && how.end >= how_.end) return;
  if (!begun()) when_empty_ = std::move(when_empty);
  how_ = std::move(how);
  shard_.deadlines().each([this](AsioConnection& connection) { insist([&] { plan(connection); }); });
  const auto patience = how_.end - shard_.executor().now();
  const auto later = [this](std::chrono::nanoseconds delay, void (ShardShutdown::*what)() noexcept) {
    insist([&] {
      shard_.executor().post_after(delay, [this, weak = shard_.weak_from_this(), what] {
        if (const auto alive = weak.lock()) (this->*what)();
      });
    });
  };
  later(patience, &ShardShutdown::cut_off_all);
  // Handlers have this long for their current work, and as long again for disconnect(). A connection that is held
  // longer counts as held for ever.
  later(patience + 2 * shard_.consumer_limits().disconnect_grace + a_little_more, &ShardShutdown::give_up);
  notify_if_empty();
}

void ShardShutdown::plan(AsioConnection& connection) {
  shut_down_at(connection, how_.plan->next(shard_.executor().now()));
}

void ShardShutdown::shut_down_at(AsioConnection& connection, Deadline::Time when) {
  shard_.executor().post_after(when - shard_.executor().now(), [weak = std::weak_ptr(connection.self())] {
    if (const auto alive = weak.lock()) alive->guarded([&] { alive->shutdown(); });
  });
}

void ShardShutdown::cut_off_all() noexcept {
  shard_.deadlines().take_all(shard_.executor().now(), [this](AsioConnection& connection) {
    shard_.counters().cut_off_by_stop.add();
    connection.guarded([&] { connection.cut_off(); });
  });
  shard_.write_batch().run();
}

void ShardShutdown::give_up() noexcept {
  if (!when_empty_) return;
  shard_.failures().write(LogLevel::warning, "stop", [this] {
    return fmt::format("stop: {} connections have ended, but the application still holds them", held_);
  });
  until_empty_ = shard_.shared_from_this();
  notify_empty();
}

void ShardShutdown::notify_if_empty() noexcept {
  if (held_ == 0 && when_empty_) notify_empty();
}

void ShardShutdown::notify_empty() noexcept {
  insist([this] {
    shard_.executor().post([this, weak = shard_.weak_from_this()] {
      const auto alive = weak.lock();
      if (alive && when_empty_) std::exchange(when_empty_, nullptr)();
    });
  });
}

void ShardShutdown::keep(Kept connection) {
  if (kept_.size() >= many_kept_) {
    std::erase_if(kept_, [](const Kept& one) { return one.expired(); });
    many_kept_ = 64 + 2 * kept_.size();
  }
  kept_.push_back(std::move(connection));
}

void ShardShutdown::tear_down() {
  const auto running = shard_.executor().take_over();
  torn_down_ = true;
  when_empty_ = nullptr;  // connections may outlive the executor that would run it
  cut_off_all();
  shard_.resume_queue().clear();
  shard_.executor().end_turn();
  for (const Kept& one : std::exchange(kept_, {})) {
    const auto kept = one.lock();
    if (!kept || !*kept) continue;
    if (HttpStage* const stage = (*kept)->http()) stage->drop_request();
  }
  if (held_ > 0) until_empty_ = shard_.shared_from_this();
}

}  // namespace sluice::SLUICE_ABI::net
