// SPDX-License-Identifier: MIT
#include "net/shard/server_relief.hpp"

#include <utility>

#include "net/shard/server_shard.hpp"

namespace sluice::SLUICE_ABI::net {

void ServerRelief::relieve(const std::shared_ptr<ServerRelief>& self, Held what) noexcept {
  if (running_[static_cast<std::size_t>(what)].exchange(true)) return;
  std::shared_ptr<std::vector<QueueSizes>> held;
  try {
    held = std::make_shared<std::vector<QueueSizes>>(shards_.size());
  } catch (...) {  // the next held byte tries again
    return finished(what);
  }
  const auto then = [weak = std::weak_ptr(self), what, held](void*) noexcept {
    if (const auto alive = weak.lock()) alive->shed(alive, what, *held);
  };
  for_all_shards(self, then, [this, what, held](std::size_t i) { (*held)[i] = shards_[i]->sizes(what); });
}

void ServerRelief::shed(const std::shared_ptr<ServerRelief>& self, Held what,
                        const std::vector<QueueSizes>& held) noexcept {
  const auto then = [weak = std::weak_ptr(self), what](void*) noexcept {
    if (const auto alive = weak.lock()) alive->finished(what);
  };
  // An eighth below the limit, so that the next round does not follow at once.
  const std::size_t limit = (what == Held::queued ? context_.queued_bytes : context_.unused_bytes).limit();
  std::vector<std::size_t> counts;
  try {
    counts = largest_to_shed(held, limit - limit / 8);
  } catch (...) {
    return finished(what);
  }
  for_all_shards(self, then,
                 [this, what, counts = std::move(counts)](std::size_t i) { shards_[i]->shed(what, counts[i]); });
}

// Runs `part` on each shard's executor, and `then` behind the last of them, even if there was no memory for one.
template <class Then, class Part>
void ServerRelief::for_all_shards(const std::shared_ptr<ServerRelief>& self, Then then, Part part) noexcept {
  try {
    const std::shared_ptr<void> last(nullptr, std::move(then));
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      shards_[i]->executor().post([weak = std::weak_ptr(self), part, last, i]() mutable {
        if (const auto alive = weak.lock()) part(i);
      });
    }
  } catch (...) {  // `then` still runs
  }
}

}  // namespace sluice::SLUICE_ABI::net
