// SPDX-License-Identifier: MIT
// The bytes that wait for slow readers in a whole server, and the connections to close when they exceed the limit. No
// socket.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::net {

/// The bytes that wait in all queues of a server. Every shard counts its own, and publishes its number only when it has
/// changed by a 64th of its share of the limit: a send writes no memory that another core reads, and the sum is off by
/// less than a 64th. Any thread; each Share its shard's executor only.
class QueuedBytes {
 public:
  /// `limit` 0: any number.
  QueuedBytes(std::size_t limit, std::size_t shards);

  /// One shard's part.
  class Share {
   public:
    explicit Share(QueuedBytes& queued, std::size_t shard) noexcept
        : queued_bytes_(queued), shown_(queued.shown_[shard].bytes) {}
    /// True: the sum exceeds the limit.
    bool change(std::size_t before, std::size_t after) noexcept {
      bytes_ += after - before;
      const std::size_t off = bytes_ > last_shown_ ? bytes_ - last_shown_ : last_shown_ - bytes_;
      return off > queued_bytes_.step_ && show(after > before);
    }
    std::size_t bytes() const noexcept { return bytes_; }

   private:
    bool show(bool grown) noexcept;

    QueuedBytes& queued_bytes_;
    std::atomic<std::size_t>& shown_;
    std::size_t bytes_ = 0;
    std::size_t last_shown_ = 0;
  };

  /// The numbers that the shards have published.
  std::size_t bytes() const noexcept;
  std::size_t limit() const noexcept { return limit_; }

 private:
  struct alignas(64) Shown {
    std::atomic<std::size_t> bytes{0};
  };

  const std::size_t limit_;
  const std::size_t step_;
  const std::size_t shards_;
  std::unique_ptr<Shown[]> shown_;
};

/// The sizes of one shard's queues, the largest first.
using QueueSizes = std::vector<std::size_t>;

/// The number of each shard's largest queues to close, the largest of all first, until at most `bytes` remain.
std::vector<std::size_t> largest_to_shed(std::span<const QueueSizes> shards, std::size_t bytes);

}  // namespace sluice::SLUICE_ABI::net
