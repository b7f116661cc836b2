// SPDX-License-Identifier: MIT
#include "net/server/hand_over.hpp"

#include <exception>
#include <utility>

#include "core/failure.hpp"

namespace sluice::SLUICE_ABI::net {

HandOver::HandOver(const std::vector<std::shared_ptr<ServerShard>>& shards, AsioExecutor& executor)
    : executor_(executor), last_chosen_(shards.size() - 1) {
  for (const auto& shard : shards) places_.push_back({shard, 0, std::make_shared<std::atomic<std::uint64_t>>(0)});
}

void HandOver::give(AcceptedSocket accepted) {
  const std::size_t chosen = last_chosen_ = lightest();
  Place& place = places_[chosen];
  const auto shard = place.shard.lock();
  if (!shard) return;  // the server was destroyed
  if (shard->executor().runs_here()) {
    shard->expect_one();
    return shard->start(std::move(accepted));
  }
  const auto made = std::make_shared<Offer>(std::move(accepted));
  made->first = shard;
  made->place = chosen;
  made->number = ++offers_;
  made->since = executor_.now();
  open_.push_back(made);
  shard->expect_one();
  try {
    offer(made, place);
  } catch (...) {
    shard->expect_one_less();
    open_.pop_back();
    throw;
  }
  if (places_.size() == 1) return open_.pop_back();
  look_later();
}

// The fewest connections first; in turns where that is the same. Blocked shards come last.
std::size_t HandOver::lightest() const noexcept {
  std::size_t best = 0;
  std::pair<bool, std::size_t> least{true, SIZE_MAX};
  for (std::size_t i = 1; i <= places_.size(); ++i) {
    const std::size_t index = (last_chosen_ + i) % places_.size();
    const auto shard = places_[index].shard.lock();
    if (!shard) continue;
    const std::pair<bool, std::size_t> weight{places_[index].blocked(), shard->load()};
    if (weight >= least) continue;
    best = index;
    least = weight;
  }
  return best;
}

void HandOver::offer(const std::shared_ptr<Offer>& offer, Place& place) {
  const auto shard = place.shard.lock();
  if (!shard) return;
  shard->executor().post([offer, weak = std::weak_ptr(shard), looked_at = place.looked_at] {
    looked_at->store(offer->number, std::memory_order_relaxed);
    if (offer->taken.exchange(true)) return;
    const auto taker = weak.lock();
    if (!taker) return;
    if (const auto first = offer->first.lock(); first && first != taker) {
      first->expect_one_less();
      taker->expect_one();
    }
    taker->start(std::move(offer->accepted));
  });
}

void HandOver::look_later() noexcept {
  if (looks_ || open_.empty()) return;
  try {
    executor_.post_after(open_.front()->since + patience - executor_.now(), [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->look_again();
    });
    looks_ = true;
  } catch (...) {  // no memory: the next connection that is given tries again
  }
}

void HandOver::look_again() noexcept {
  looks_ = false;
  const auto overdue = executor_.now() - patience;
  while (!open_.empty() && (open_.front()->taken || open_.front()->since <= overdue)) {
    const auto late = std::move(open_.front());
    open_.pop_front();
    if (late->taken || stopped_) continue;
    places_[late->place].blocked_since = late->number;
    offer_to_others(late);
  }
  look_later();
}

// The shards that got the offer before the memory ran out may take it, and so may the first.
void HandOver::offer_to_others(const std::shared_ptr<Offer>& late) noexcept {
  try {
    for (Place& place : places_) {
      if (&place != &places_[late->place]) offer(late, place);
    }
  } catch (...) {
    log_failure("accept: a connection waits for an executor that a handler blocks, and no other could be offered it",
                std::current_exception());
  }
}

}  // namespace sluice::SLUICE_ABI::net
