// SPDX-License-Identifier: MIT
// The messages that wait for a slow client: in order, within bounds, and with gaps where messages were dropped.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/string_hash.hpp"
#include "sluice/consumer/when_slow.hpp"
#include "sluice/transport/frame.hpp"

namespace sluice::SLUICE_ABI {

/// The bytes in all backlogs of a process, and their bound; 0: any number. Any thread.
struct BacklogTotal {
  explicit BacklogTotal(std::size_t limit) noexcept : most(limit) {}
  bool holds(std::size_t more) const noexcept {
    return most == 0 || bytes.load(std::memory_order_relaxed) + more <= most;
  }

  const std::size_t most;
  std::atomic<std::size_t> bytes{0};
};

/// Messages that wait until a client has taken earlier ones, oldest first. Some must be kept, others may be dropped by
/// their group's policy; each policy drops messages of its own group only. A group with dropped messages has a gap at
/// the place of the last of them. No call visits more messages than it drops. It uses no connection. Its executor only.
class Backlog {
 public:
  /// `all` bounds the bytes that wait here and elsewhere for the client; the others bound the messages that may be
  /// dropped.
  struct Bounds {
    std::size_t all;
    std::size_t droppable_bytes;
    std::size_t droppable_messages;
  };
  struct Losses {
    std::uint64_t dropped = 0;
    std::uint64_t superseded = 0;
  };
  struct Waiting {
    Frame frame;
    std::string group;  // empty: none
  };

  /// `frames` copies frames that would keep much more memory alive than their bytes. Both references outlive this.
  Backlog(FrameBuffer& frames, BacklogTotal& total, Bounds bounds) : frames_(frames), total_(total), bounds_(bounds) {}
  Backlog(const Backlog&) = delete;
  Backlog& operator=(const Backlog&) = delete;
  ~Backlog() { total_.bytes.fetch_sub(bytes(), std::memory_order_relaxed); }

  /// Adds a message that must be kept. False: it would exceed the bound on all, of which `elsewhere` is used already,
  /// or the total.
  [[nodiscard]] bool keep(const Frame& frame, std::string_view group, std::size_t elsewhere);
  /// Adds a message that may be dropped: the policy is not `close`.
  Losses put(const Frame& frame, std::string_view group, WhenSlow policy, std::string_view key, std::size_t elsewhere);
  /// Counts messages that were dropped on their way here, as if they had been put and dropped.
  void miss(std::string_view group, std::uint64_t messages);
  /// Removes all messages of a group, and its gap. Returns the number of messages.
  std::size_t leave(std::string_view group);

  bool empty() const noexcept { return entries_.empty(); }
  /// True if the next entry is a gap. Otherwise it is a message, unless the backlog is empty.
  bool gap_is_next() const noexcept { return !empty() && entries_.begin()->second.frame.empty(); }
  Waiting take_message();
  Gap take_gap();

  /// The bytes of all waiting messages, with their overhead.
  std::size_t bytes() const noexcept { return kept_bytes_ + droppable_bytes_; }

 private:
  using Number = std::uint64_t;  // increases with every message

  struct GroupQueue {
    std::string_view group;
    std::set<Number> kept, droppable;
    std::size_t droppable_bytes = 0;
    std::unordered_map<std::string, Number, StringHash, std::equal_to<>> latest;  // by key
    std::uint64_t dropped = 0, superseded = 0;
    std::optional<Number> gap;  // its place
  };
  struct Entry {
    Frame frame;        // empty: the gap of its queue
    GroupQueue* queue;  // null: of no group
    std::string key;
    bool droppable;
  };
  using Entries = std::map<Number, Entry>;

  GroupQueue& queue_of(std::string_view group);
  bool fits(std::size_t cost, std::size_t elsewhere, std::size_t freed_bytes,
            std::size_t freed_messages) const noexcept;
  void drop_new(GroupQueue& queue, std::uint64_t messages);
  void add(Entry entry, std::set<Number>* numbers);
  void drop(GroupQueue& queue, Number number) noexcept;
  void remove(Entries::iterator entry) noexcept;
  void forget(const Entries::value_type& entry) noexcept;
  void forget_if_idle(GroupQueue* queue);

  FrameBuffer& frames_;
  BacklogTotal& total_;
  const Bounds bounds_;
  Entries entries_;
  std::unordered_map<std::string, GroupQueue, StringHash, std::equal_to<>> groups_;
  std::size_t kept_bytes_ = 0;
  std::size_t droppable_bytes_ = 0;
  std::size_t droppable_messages_ = 0;
  Number next_ = 0;
};

}  // namespace sluice::SLUICE_ABI
