// SPDX-License-Identifier: MIT
// How a channel layer reaches other processes: the interface of a message broker for DistributedChannelLayer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/abi.hpp"
#include "sluice/core/error.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/core/function.hpp"
#include "sluice/core/result.hpp"
#include "sluice/layer/event.hpp"
#include "sluice/layer/send_receipt.hpp"

namespace sluice::SLUICE_ABI {

/// The destination of a message: a group's members, or one channel.
enum class BusTarget : std::uint8_t { group, channel };
/// The call that sends there, for errors and log lines.
constexpr std::string_view name_of(BusTarget to) noexcept { return to == BusTarget::group ? "group_send" : "send"; }

/// The subscription of a process. A value.
///
/// - A group alone: events for the group.
/// - A channel alone: events for this channel. A plain channel, or, after BusEvents::subscribe_each_channel(), the
///   channel of one consumer.
/// - Both: the broker itself makes the plain channel a member of the group. Only where the broker keeps plain channels,
///   as Redis's sorted sets do; the layer of such a bus asks for it, DistributedChannelLayer never does.
struct BusSubscription {
  std::string group = {};
  std::string channel = {};

  /// What Bus::link_of() is asked for: the group if there is one.
  BusTarget target() const noexcept { return group.empty() ? BusTarget::channel : BusTarget::group; }
  const std::string& name() const noexcept { return group.empty() ? channel : group; }
  /// For tables: no other subscription has the same.
  std::string key() const { return group + '!' + channel; }

  friend bool operator==(const BusSubscription&, const BusSubscription&) = default;
};

/// An event as the bus sends it. A value.
struct BusBody {
  std::string bytes;
  std::size_t entries = 0;  // for the bus's own use
};

/// One group_send or send on its way. It counts against the layer's waiting_events and waiting_bytes until it is
/// destroyed, and its destructor reports the outcome to the sender: a bus keeps it until the broker has answered, or,
/// where the broker does not answer, until the bytes are written. A message that is destroyed without a call of
/// reached(), full() or failed() has failed. Once the layer has passed it to the bus: the bus's executor only.
class SLUICE_API BusMessage {
 public:
  virtual ~BusMessage() = default;
  BusMessage(const BusMessage&) = delete;
  BusMessage& operator=(const BusMessage&) = delete;

  const BusTarget to;
  const std::string name;
  const BusBody body;  // from Bus::encoder()
  const Executor::Clock::time_point expires;
  std::size_t link = 0;  // from Bus::link_of()

  /// The broker delivered it to this many places, or stores it for them. 0: nobody receives it.
  void reached(std::size_t places) noexcept {
    receipt_.reached += places;
    has_outcome_ = true;
  }
  /// This many places had no room for it.
  void full(std::size_t places) noexcept {
    receipt_.full += places;
    has_outcome_ = true;
  }
  /// It was not sent, or perhaps not: counted as undelivered.
  virtual void failed(Error error) noexcept = 0;

 protected:
  BusMessage(BusTarget to, std::string name, BusBody body, Executor::Clock::time_point expires)
      : to(to), name(std::move(name)), body(std::move(body)), expires(expires) {}
  SendReceipt receipt_;
  bool has_outcome_ = false;
};

/// What a bus reports to its layer, which outlives it. The bus's executor only: a bus whose library calls back on
/// threads of its own posts a job to executor() first. None of these calls destroys the bus.
///
/// A bus has one link, number 0, or several that are independent of each other: servers among which groups are divided.
/// A link that is down delays only its own groups and channels.
class SLUICE_API BusEvents {
 public:
  /// An event has arrived for a group, a plain channel or a consumer's channel of this process. The layer delivers it
  /// to the members that this process has; an event for a channel that is not here is counted. If delivering fails for
  /// want of memory, the layer does what missed() does.
  virtual void received(BusTarget to, std::string_view name, const Event& event) = 0;

  /// The link is connected. In this call the layer begins to make every subscription of the link. Once each is
  /// answered, it publishes waiting messages. When that is done for every link, consumers receive LayerUp.
  virtual void up(std::size_t link) = 0;
  /// The link, which was up, is lost with all its subscriptions, and pending requests get no answer. Consumers receive
  /// LayerDown, and the layer keeps messages that are sent meanwhile. The bus reconnects by itself, logs why the link
  /// was lost, and calls up() afterwards.
  virtual void down(std::size_t link, const Error& reason) = 0;
  /// The link is up, and events may have been missed at this moment (a slow reader, subscriptions that move):
  /// consumers receive LayerDown, and LayerUp once this was not reported for two seconds. The layer logs it, each
  /// context() at most once a minute.
  virtual void missed(const Error& reason) = 0;

  /// The link may take messages again after publish() returned false. A bus whose messages end after publish() has
  /// returned also calls it when one has ended: a closing layer waits for that.
  virtual void writable(std::size_t link) = 0;
  /// The connection broke before anything of a message was sent: it is published before all others once the link is up
  /// again. Call it before down().
  virtual void not_sent(std::size_t link, std::shared_ptr<BusMessage> message) = 0;

  /// True if there is room for events from the bus. Otherwise a bus stops reading, and leaves the rest to the broker or
  /// the socket. Any thread.
  virtual bool has_room() const noexcept = 0;
  /// Counts one pause, and calls `resume` once there is room again, unless the bus ends before.
  virtual void when_room(Function<void()> resume) = 0;

  /// The broker refuses one subscription for all channels of this process: from now on each consumer's channel is a
  /// subscription of its own.
  virtual void subscribe_each_channel() = 0;

 protected:
  ~BusEvents() = default;
};

/// A connection to a message broker. The layer calls it on its executor only, except executor(), links() and encoder(),
/// which it calls before start(). It calls close() at most once, and nothing after that.
///
/// The destructor ends everything at once, whether close() was called or not; it runs on the executor, never within a
/// call of BusEvents. It makes no callback, of BusEvents or other, afterwards.
class SLUICE_API Bus {
 public:
  /// The bus calls it when the broker has answered, possibly within subscribe() or unsubscribe(). If the link is lost
  /// first, the bus destroys it without calling it, and calls BusEvents::down().
  using Done = Function<void(const Result<void>&)>;

  virtual ~Bus() = default;

  /// One of the layer's executors. Any thread.
  virtual Executor& executor() const noexcept = 0;

  /// Connects, and connects again whenever a link is lost, until it is destroyed. Called once. `channel_prefix` begins
  /// the name of every consumer's channel of this process, and of no other process: events for such names are received
  /// without a subscription of their own, as soon as the link is up. Never fails: errors are logged and retried.
  virtual void start(BusEvents& events, std::string channel_prefix) = 0;

  /// After `done` with success, events arrive. An Error: the broker refused it; the layer reports the Error to waiting
  /// callers, and tries again five seconds later. Only while the link is up. A subscription that exists already is no
  /// error.
  virtual void subscribe(const BusSubscription& to, Done done) = 0;
  /// The opposite, in order behind earlier calls for the same subscription.
  virtual void unsubscribe(const BusSubscription& to, Done done) = 0;

  /// Sends the message; only while its link is up with all its subscriptions. False: nothing was done, as the
  /// connection has enough to write: the layer keeps the message, and offers it again after BusEvents::writable(). The
  /// message reports the broker's answer. If publish() throws, the message has failed.
  virtual bool publish(std::shared_ptr<BusMessage> message) = 0;

  /// Called when everything was published and answered, or that took too long, and the process's subscriptions were
  /// ended. Removes whatever else this process has at the broker, then calls `done`.
  virtual void close(Function<void()> done) = 0;

  // --- where the defaults do not fit

  /// The number of links. Constant. Any thread.
  virtual std::size_t links() const noexcept { return 1; }
  /// The link of a group or channel. Called once for each message and each subscription.
  virtual std::size_t link_of(BusTarget to, std::string_view name);
  /// Encodes an event as the bytes that publish() sends. Senders call it, on any thread and several at the same time,
  /// and it outlives the bus; an Error is returned to the sender. The default: the event as JSON.
  using Encode = std::function<Result<BusBody>(const Event&)>;
  virtual Encode encoder() const;
  /// True if the broker may lose a subscription while the link is up: then every member that joins subscribes again.
  /// Constant.
  virtual bool may_forget() const noexcept { return false; }
};

}  // namespace sluice::SLUICE_ABI
