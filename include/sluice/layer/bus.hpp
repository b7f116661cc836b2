// SPDX-License-Identifier: MIT
// How a channel layer reaches other processes: what a message broker must be able to do for DistributedChannelLayer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/core/error.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/core/function.hpp"
#include "sluice/core/result.hpp"
#include "sluice/layer/event.hpp"
#include "sluice/layer/send_receipt.hpp"

namespace sluice {

/// Where a message goes: to a group's members, or to one channel.
enum class BusTarget : std::uint8_t { group, channel };

/// What a process receives. A value.
///
/// - A group alone: what is sent to the group.
/// - A channel alone: what is sent to this channel. A plain channel, or, after BusEvents::subscribe_each_channel(), the
///   channel of one consumer.
/// - Both: the broker itself makes the plain channel a member of the group. Only where the broker keeps plain channels,
///   as Redis's sorted sets do; the layer of such a bus asks for it, DistributedChannelLayer never does.
struct BusSubscription {
  std::string group = {};
  std::string channel = {};

  friend bool operator==(const BusSubscription&, const BusSubscription&) = default;
};

/// An event as the bus sends it. A value.
struct BusBody {
  std::string bytes;
  std::size_t entries = 0;  // for the bus's own use, beside the bytes
};

/// One group_send or send on its way. It counts against the layer's waiting_events and waiting_bytes as long as it
/// lives, and its destructor reports the outcome to the sender: a bus keeps it until the broker has answered, or, where
/// the broker does not answer, until the bytes are written. Once the layer has handed it over: the bus's executor only.
class BusMessage {
 public:
  virtual ~BusMessage() = default;
  BusMessage(const BusMessage&) = delete;
  BusMessage& operator=(const BusMessage&) = delete;

  const BusTarget to;
  const std::string name;
  const BusBody body;  // from Bus::encoder()
  const Executor::Clock::time_point expires;
  std::size_t link = 0;  // from Bus::link_of()

  /// The broker delivered it to so many places, or holds it for them.
  void reached(std::size_t places) noexcept { receipt_.reached += places; }
  /// So many places had no room for it.
  void full(std::size_t places) noexcept { receipt_.full += places; }
  /// It was not sent, or perhaps not: counted as undelivered.
  virtual void failed(Error error) noexcept = 0;

 protected:
  BusMessage(BusTarget to, std::string name, BusBody body, Executor::Clock::time_point expires)
      : to(to), name(std::move(name)), body(std::move(body)), expires(expires) {}
  SendReceipt receipt_;
};

/// What a bus reports to its layer, which outlives it. The bus's executor only: a bus whose library calls back on
/// threads of its own posts a job to executor() first. None of these calls destroys the bus.
///
/// A bus has one link, number 0, or several that are independent of each other: servers among which groups are divided.
/// A link that is down holds up only what belongs to it.
class BusEvents {
 public:
  /// An event has arrived for a group, a plain channel or a consumer's channel of this process. It is delivered, or
  /// counted where nobody here wants it. Without memory for that it counts as missed().
  virtual void received(BusTarget to, std::string_view name, const Event& event) = 0;

  /// The link is connected. From within this call on the layer makes every subscription that belongs to the link; once
  /// each is answered, it publishes what has waited. When every link has come so far, consumers receive LayerUp.
  virtual void up(std::size_t link) = 0;
  /// The link, which was up, is lost, and all its subscriptions with it: those that were not answered will not be.
  /// Consumers receive LayerDown, and the layer keeps what is sent meanwhile. up() follows when the link is back; the
  /// bus tries this by itself, and logs why it was lost.
  virtual void down(std::size_t link, const Error& reason) = 0;
  /// The link is up, and events may have been missed at this moment (a slow reader, subscriptions that move):
  /// consumers receive LayerDown, and LayerUp once this was not reported for two seconds. The layer logs it, each
  /// context() at most once a minute.
  virtual void missed(const Error& reason) = 0;

  /// The link may take messages again after publish() returned false. A bus whose messages end after publish() has
  /// returned calls it as well when one has ended: a layer that closes waits for that.
  virtual void writable(std::size_t link) = 0;
  /// The connection broke before anything of a message was sent: it is published before all others once the link is up
  /// again. Call it before down().
  virtual void not_sent(std::size_t link, std::shared_ptr<BusMessage> message) = 0;

  /// Is there room for what the bus receives? A bus stops to read while there is none, and leaves the rest to the
  /// broker or the socket. Any thread.
  virtual bool has_room() const noexcept = 0;
  /// Counts one pause, and calls `resume` once there is room again, unless the bus ends before.
  virtual void when_room(Function<void()> resume) = 0;

  /// The broker refuses one subscription for all channels of this process: from now on each consumer's channel is a
  /// subscription of its own.
  virtual void subscribe_each_channel() = 0;

 protected:
  ~BusEvents() = default;
};

/// A connection to a message broker. The layer calls it on its executor only, but for executor(), links() and
/// encoder(), which it asks before start(). It calls close() once at most, and nothing after that.
///
/// The destructor ends everything at once, whether close() was called or not; it runs on the executor, never within a
/// call of BusEvents. No callback, and nothing of BusEvents, is called after it.
class Bus {
 public:
  /// Called when the broker has answered. It may be called within the call that got it. It is dropped uncalled when the
  /// link is lost: down() says so.
  using Done = Function<void(const Result<void>&)>;

  virtual ~Bus() = default;

  /// One of the layer's executors. Any thread.
  virtual Executor& executor() const noexcept = 0;

  /// Connects, and connects again whenever a link is lost, until it is destroyed. Called once. `channel_prefix` begins
  /// the name of every consumer's channel of this process, and of no other process: what is sent to such a name is
  /// received without a subscription of its own, as soon as the link is up. Never fails: what does not work is logged
  /// and tried again.
  virtual void start(BusEvents& events, std::string channel_prefix) = 0;

  /// From `done` with success on, what is sent there arrives. An Error: the broker refused it; the layer reports it to
  /// those who wait, and asks again five seconds later. Only while the link is up. A subscription that exists already
  /// is no error.
  virtual void subscribe(const BusSubscription& to, Done done) = 0;
  /// The opposite, in order behind earlier calls for the same subscription.
  virtual void unsubscribe(const BusSubscription& to, Done done) = 0;

  /// Sends the message; only while its link is up and all that belongs to the link is subscribed. False: nothing was
  /// done, since the connection has enough to write: the layer keeps the message, and offers it again after
  /// BusEvents::writable(). What the broker answers is reported by the message itself. Where it throws, the message has
  /// failed.
  virtual bool publish(std::shared_ptr<BusMessage> message) = 0;

  /// Everything was published and answered, or that took too long; the process's subscriptions were ended. Removes what
  /// else this process has at the broker, then calls `done`.
  virtual void close(Function<void()> done) = 0;

  // --- where the defaults do not fit

  /// The number of links. Constant. Any thread.
  virtual std::size_t links() const noexcept { return 1; }
  /// Which link a group or channel belongs to. Asked once for each message and each subscription.
  virtual std::size_t link_of(BusTarget to, std::string_view name);
  /// What makes of an event the bytes that publish() sends. It is called by senders, on any thread and by several at
  /// the same time, and lives longer than the bus; an Error is returned to the sender. The default: the event as JSON.
  using Encode = std::function<Result<BusBody>(const Event&)>;
  virtual Encode encoder() const;
  /// May the broker forget a subscription while the link is up? Then every member that joins asks it again. Constant.
  virtual bool may_forget() const noexcept { return false; }
};

}  // namespace sluice
