// SPDX-License-Identifier: MIT
// Plain channels of the core layer that are read here: an event is taken from Redis only when a reader waits, so that
// readers in several processes share the work.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layer/hub/reader_life.hpp"
#include "layer/hub/shared_queue.hpp"
#include "redis/bus/host_session.hpp"
#include "redis/bus/names.hpp"
#include "redis/bus/redis_context.hpp"
#include "sluice/layer/channel.hpp"
#include "sluice/layer/distributed_channel_layer.hpp"

namespace sluice::SLUICE_ABI::redis {

class PlainChannelReaders;

/// An event with its bytes in Redis, so that it can be returned.
struct TakenEvent {
  Event event;
  std::string member;
  std::string score;
  std::size_t host;
};

/// One plain channel and its readers in this process. Any thread.
class SharedPlainChannel : public SharedQueue<TakenEvent> {
 public:
  explicit SharedPlainChannel(std::string name) : name_(std::move(name)) {}
  const std::string& name() const noexcept { return name_; }

  void push(TakenEvent taken);
  /// After an empty poll: wants one event, which is kept for the next call.
  void ask_for_one();
  /// The number of further events wanted from Redis.
  std::size_t wanted() const;

  std::size_t readers = 0;  // under the PlainChannelReaders' lock

 private:
  const std::string name_;
  bool asked_ = false;
};

/// All of them. open: any thread. The rest: the bus's executor only.
class PlainChannelReaders : public std::enable_shared_from_this<PlainChannelReaders> {
 public:
  explicit PlainChannelReaders(std::shared_ptr<RedisContext> context)
      : context_(std::move(context)), names_(context_->options().prefix), hosts_(context_->hosts()) {}

  /// The subscriptions of the inboxes' layer. Call it before the first one opens.
  void attach(std::shared_ptr<LayerSubscriptions> subscriptions, const void* origin) {
    subscriptions_ = std::move(subscriptions);
    origin_ = origin;
  }

  Inbox open(std::string_view channel);
  void host_changed(std::size_t host, bool up);
  /// The channels that are read here now. Any thread.
  std::size_t count() const;
  /// Every inbox leaves its groups, and taken unread events are dropped. Any thread.
  void flush();
  /// The number of such flushes. Any thread.
  std::uint64_t flushes() const noexcept { return flushes_.load(); }

  // --- what an inbox asks for. Any thread
  void look_again();
  void close_reader(const std::shared_ptr<SharedPlainChannel>& channel);
  LayerSubscriptions& subscriptions() noexcept { return *subscriptions_; }
  const void* origin() const noexcept { return origin_; }

 private:
  struct Host {
    std::shared_ptr<Link> link;
    std::string client;                // the connection's id in Redis; empty until it is known
    std::string last_client;           // and the one before
    std::vector<std::string> reading;  // the keys that the blocked command waits for
    bool up = false;
    bool unblocked = false;  // that command was unblocked
    bool pauses = false;     // Redis has refused the last one
    bool unblocks = true;    // CLIENT UNBLOCK is not refused: it is @admin and @dangerous
  };

  // An answer may arrive after this object is destroyed.
  template <class F>
  auto while_here(F call) {
    return [weak = weak_from_this(), call = std::move(call)](auto&&... arguments) {
      if (const auto self = weak.lock()) call(*self, arguments...);
    };
  }
  void read(std::size_t host);
  void ask_for_name(std::size_t host);
  void arrived(std::size_t host, const Result<Reply>& reply);
  void read_later(std::size_t host, const Reply& refusal);
  void unblock(std::size_t host, std::string_view client);
  void give_back(std::string_view channel, std::deque<TakenEvent> taken);
  std::vector<std::string> wanted_keys() const;

  const std::shared_ptr<RedisContext> context_;
  std::shared_ptr<LayerSubscriptions> subscriptions_;
  const void* origin_ = nullptr;
  const CoreNames names_;
  std::vector<Host> hosts_;
  std::atomic<std::uint64_t> flushes_{0};
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<SharedPlainChannel>, std::less<>> channels_;
};

/// An inbox of a plain channel, which may be in groups.
class PlainChannelReader final : public Inbox::Reader {
 public:
  PlainChannelReader(std::shared_ptr<PlainChannelReaders> readers, std::shared_ptr<SharedPlainChannel> channel)
      : readers_(std::move(readers)),
        channel_(std::move(channel)),
        life_(std::make_shared<ReaderLife>()),
        flushes_(readers_->flushes()) {}
  ~PlainChannelReader() override;

  std::string_view name() const noexcept override { return channel_->name(); }
  Task<Result<Event>> receive() override { return receive(readers_, channel_, life_); }
  std::optional<Event> poll() override;

  Task<Result<void>> join(std::string_view group) override;
  Task<Result<void>> leave(std::string_view group) override;
  const void* origin() const noexcept override { return readers_->origin(); }

 private:
  std::vector<std::string>& groups();  // under the lock
  void leave_now(std::string_view group);
  BusSubscription membership(std::string_view group) const {
    return {.group = std::string(group), .channel = channel_->name()};
  }
  static Task<Result<Event>> receive(std::shared_ptr<PlainChannelReaders> readers,
                                     std::shared_ptr<SharedPlainChannel> channel, std::shared_ptr<ReaderLife> life);

  std::shared_ptr<PlainChannelReaders> readers_;
  std::shared_ptr<SharedPlainChannel> channel_;
  std::shared_ptr<ReaderLife> life_;
  std::mutex mutex_;
  std::vector<std::string> groups_;  // joined since this flush:
  std::uint64_t flushes_ = 0;
};

}  // namespace sluice::SLUICE_ABI::redis
