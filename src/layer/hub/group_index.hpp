// SPDX-License-Identifier: MIT
// Which executors and plain channels have members of a group. The one table that every thread reads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/string_hash.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/core/function.hpp"
#include "sluice/core/result.hpp"
#include "sluice/core/task.hpp"

namespace sluice::SLUICE_ABI {

class PlainChannel;
class PlainReader;

/// The callbacks for a layer with a bus: a group has its first member here, or has lost its last. Called on any thread,
/// under no lock.
struct GroupHooks {
  /// May be called late, when the group has members again: check contains(). An exception is logged.
  std::function<void(std::string_view group)> emptied = {};
  /// Finished once other processes know that the group has a member here.
  std::function<Completion<Result<void>>(std::string_view group)> announce = {};
};

/// A striped map from a group to the executors (as bits) that have a member of it, and to its plain channels. It is
/// written only when an executor gains its first or loses its last member of a group. Any thread.
class GroupIndex {
 public:
  explicit GroupIndex(GroupHooks hooks = {}) : hooks_(std::move(hooks)) {}

  struct Places {
    std::uint64_t shards = 0;
    std::vector<std::shared_ptr<PlainChannel>> plain_channels;
  };

  Places find(std::string_view group) const;
  void add_shard(std::string_view group, unsigned shard);
  void remove_shard(std::string_view group, unsigned shard);
  /// A channel is in a group while one of its readers is.
  void add_plain_channel(std::string_view group, std::shared_ptr<PlainChannel> channel, const PlainReader& reader);
  void remove_plain_channel(std::string_view group, const PlainChannel& channel, const PlainReader& reader);
  void remove_all_plain_channels();
  std::size_t group_count() const;
  bool contains(std::string_view group) const;

  // A layer with a bus announces a group once other processes know that it has a member here. It stays announced until
  // it is empty or the bus is lost.
  bool has_bus() const noexcept { return static_cast<bool>(hooks_.announce); }
  /// Finished once other processes know that the group has a member here, which is in the table already; `undo` when
  /// that fails. Without a bus it is finished at once.
  Task<Result<void>> until_announced(std::string_view group, Function<void()> undo) const;
  bool announced(std::string_view group) const;
  void announce(std::string_view group);
  void unannounce_all();

 private:
  struct Entry {
    struct Plain {
      std::shared_ptr<PlainChannel> channel;
      std::vector<const PlainReader*> readers;
    };
    std::uint64_t shards = 0;
    std::vector<Plain> plain_channels;
    bool announced = false;
    bool empty() const noexcept { return shards == 0 && plain_channels.empty(); }
  };
  struct Stripe {
    mutable std::mutex mutex;
    std::unordered_map<std::string, Entry, StringHash, std::equal_to<>> groups;
  };

  Stripe& stripe(std::string_view group) const { return stripes_[StringHash()(group) % stripes_.size()]; }

  bool erase_if_empty(Stripe& at, std::string_view group);  // under the lock
  void notify(bool emptied, std::string_view group) const noexcept;

  const GroupHooks hooks_;
  mutable std::array<Stripe, 64> stripes_;
};

}  // namespace sluice::SLUICE_ABI
