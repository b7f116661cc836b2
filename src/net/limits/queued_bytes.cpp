// SPDX-License-Identifier: MIT
#include "net/limits/queued_bytes.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace sluice::SLUICE_ABI::net {

QueuedBytes::QueuedBytes(std::size_t limit, std::size_t shards)
    : limit_(limit),
      step_(limit > 0 ? limit / 64 / shards : SIZE_MAX),
      shards_(shards),
      shown_(std::make_unique<Shown[]>(shards)) {}

std::size_t QueuedBytes::bytes() const noexcept {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < shards_; ++i) sum += shown_[i].bytes.load(std::memory_order_relaxed);
  return sum;
}

bool QueuedBytes::Share::show(bool grown) noexcept {
  last_shown_ = bytes_;
  shown_.store(bytes_, std::memory_order_relaxed);
  return grown && queued_bytes_.bytes() > queued_bytes_.limit_;
}

std::vector<std::size_t> largest_to_shed(std::span<const QueueSizes> shards, std::size_t bytes) {
  std::vector<std::size_t> counts(shards.size(), 0);
  std::size_t sum = 0;
  std::vector<std::pair<std::size_t, std::size_t>>
      next;  // a heap: the largest remaining one of each shard, and the shard
  for (std::size_t shard = 0; shard < shards.size(); ++shard) {
    sum = std::accumulate(shards[shard].begin(), shards[shard].end(), sum);
    if (!shards[shard].empty()) next.emplace_back(shards[shard].front(), shard);
  }
  std::ranges::make_heap(next);
  while (sum > bytes && !next.empty()) {
    std::ranges::pop_heap(next);
    const auto [size, shard] = next.back();
    next.pop_back();
    sum -= size;
    if (++counts[shard] == shards[shard].size()) continue;
    next.emplace_back(shards[shard][counts[shard]], shard);
    std::ranges::push_heap(next);
  }
  return counts;
}

}  // namespace sluice::SLUICE_ABI::net
