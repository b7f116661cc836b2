// SPDX-License-Identifier: MIT
// The two destinations of a channel layer: a subscriber's own channel, and a plain channel that a worker reads.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/abi.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/core/result.hpp"
#include "sluice/core/task.hpp"
#include "sluice/layer/event.hpp"
#include "sluice/transport/frame.hpp"

namespace sluice::SLUICE_ABI {

/// One broadcast that includes the subscriber, and its payload encoded for the wire. Its executor only.
struct Delivery {
  Event event;
  Frame frame;
  std::string_view key;  // of the payload; it lives as long as the event
};

/// Successive broadcasts of one kind to one group: `joined` has their frames side by side. Its executor only.
struct DeliveryRun {
  std::span<const Delivery> deliveries;
  const Frame& joined;
  BroadcastKind kind;
  std::string_view group;  // empty: sent to the channel itself
};

/// The receiver of a channel's events. Every function is called on the subscriber's executor, and must not run user
/// code before it returns: it queues or sends. An exception of deliver() is caught, logged once and counted, and other
/// subscribers still receive the event. executor(): any thread. Everything else: its executor only.
class SLUICE_API Subscriber {
 public:
  virtual void deliver(const Event& event) = 0;
  virtual void deliver(const DeliveryRun& run) = 0;
  /// An event for this subscriber was lost: deliver() threw, or there was no memory to encode it. The default does
  /// nothing.
  virtual void missed() noexcept {}
  virtual Identity identity() const noexcept = 0;
  virtual Executor& executor() const noexcept = 0;

 protected:
  ~Subscriber() = default;
};

/// A subscriber's membership in a channel layer. Its destructor leaves every group, and drops and counts events that
/// are still on their way. Its executor only.
class SLUICE_API Channel {
 public:
  /// The layer's implementation; its destructor leaves every group.
  class Membership {
   public:
    virtual ~Membership() = default;
    virtual std::string name() const = 0;
    virtual std::size_t capacity() const noexcept = 0;
    virtual std::size_t group_count() const noexcept = 0;
    virtual bool in_group(std::string_view group) const noexcept = 0;
    virtual void leave_groups() = 0;
    /// Called by ChannelLayer::group_add and group_discard after they have checked origin() and the group's name. The
    /// membership and `group` are valid until the task has finished.
    virtual Task<Result<void>> join(std::string_view group) = 0;
    virtual Task<Result<void>> leave(std::string_view group) = 0;
    /// Its layer: the layer's ChannelLayer::origin().
    virtual const void* origin() const noexcept = 0;
  };

  /// An empty channel, to be assigned to.
  Channel() noexcept = default;
  explicit Channel(std::unique_ptr<Membership> membership) noexcept : membership_(std::move(membership)) {}
  explicit operator bool() const noexcept { return membership_ != nullptr; }

  /// The channel name: others `send` to it. Unique, and valid only while the channel exists.
  std::string name() const { return membership_->name(); }
  /// How many events may wait for its reader (behaviour CL-12, CL-13).
  std::size_t capacity() const noexcept { return membership_->capacity(); }
  std::size_t group_count() const noexcept { return membership_->group_count(); }
  bool in_group(std::string_view group) const noexcept { return membership_->in_group(group); }
  /// Leaves every group at once; the channel stays open.
  void leave_groups() { membership_->leave_groups(); }
  /// For ChannelLayer.
  Membership& end() const noexcept { return *membership_; }
  /// Its layer, for comparison; null for none.
  const void* origin() const noexcept { return membership_ ? membership_->origin() : nullptr; }

 private:
  std::unique_ptr<Membership> membership_;
};

/// The reader of a plain channel, such as a worker's job list. Several readers may share a channel; each event goes to
/// one of them. Unread events wait, up to the channel's capacity and the layer's expiry (behaviour CL-8, CL-15). When
/// the inbox is destroyed the channel leaves the groups that it joined through it. Any thread, one receive at a time.
class SLUICE_API Inbox {
 public:
  class Reader {
   public:
    virtual ~Reader() = default;
    virtual std::string_view name() const noexcept = 0;
    virtual Task<Result<Event>> receive() = 0;
    virtual std::optional<Event> poll() = 0;
    /// As for Channel::Membership; finished once events for the group arrive here.
    virtual Task<Result<void>> join(std::string_view group) = 0;
    virtual Task<Result<void>> leave(std::string_view group) = 0;
    virtual const void* origin() const noexcept = 0;
  };

  explicit Inbox(std::unique_ptr<Reader> reader) noexcept : reader_(std::move(reader)) {}

  std::string_view name() const noexcept { return reader_ ? reader_->name() : std::string_view(); }
  /// Waits for the next event. An Error only when the layer or the inbox has ended. Destroying the waiting task loses
  /// no event.
  Task<Result<Event>> receive() { return reader_->receive(); }
  /// The next event if there is one now.
  std::optional<Event> poll() { return reader_->poll(); }
  /// For ChannelLayer.
  Reader& end() const noexcept { return *reader_; }
  /// Its layer, for comparison; null once the inbox was moved from.
  const void* origin() const noexcept { return reader_ ? reader_->origin() : nullptr; }

 private:
  std::unique_ptr<Reader> reader_;
};

}  // namespace sluice::SLUICE_ABI
