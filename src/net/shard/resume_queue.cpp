// SPDX-License-Identifier: MIT
#include "net/shard/resume_queue.hpp"

#include <utility>

#include "net/loop/insist.hpp"
#include "net/shard/server_shard.hpp"
#include "net/stage/asio_connection.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

// Of each turn, for all of them together, and for those that the poller reports. The clock is read behind each.
constexpr auto time_in_turn = std::chrono::milliseconds(1);

}  // namespace

void ResumeQueue::add(std::shared_ptr<AsioConnection> connection) {
  waiting_.push_back(std::move(connection));
  run_soon();
}

void ResumeQueue::begin_turn() { turn_until_ = shard_.read_clock() + time_in_turn; }

bool ResumeQueue::turn_is_over() { return shard_.read_clock() > turn_until_; }

void ResumeQueue::run_soon() {
  if (runs_soon_) return;
  shard_.executor().post([this, weak = shard_.weak_from_this()] {
    if (const auto alive = weak.lock()) run();
  });
  runs_soon_ = true;
}

void ResumeQueue::run() {
  runs_soon_ = false;
  const auto enough = shard_.read_clock() + time_in_turn;
  for (std::size_t count = waiting_.size(); count > 0 && shard_.now() < enough; --count) {
    const auto connection = std::move(waiting_.front());
    waiting_.pop_front();
    connection->guarded([&] { connection->reader().resume(*connection); });
    shard_.read_clock();
  }
  if (!waiting_.empty()) insist([this] { run_soon(); });
}

}  // namespace sluice::SLUICE_ABI::net
