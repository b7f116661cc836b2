// SPDX-License-Identifier: MIT
#include "layer/hub/distributed_layer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "core/failure.hpp"

namespace sluice::SLUICE_ABI {
namespace {

DistributedLayerOptions checked(DistributedLayerOptions options) {
  if (options.waiting_events == 0) {
    throw std::invalid_argument(options.name + " layer: with waiting_events 0 nothing is sent");
  }
  if (std::min(options.join_time, options.close_time).count() < 0 ||
      std::max(options.join_time, options.close_time) > longest_layer_time) {
    throw std::invalid_argument(options.name + " layer: a time is negative or above 100 years");
  }
  return options;
}

Error closed_error(std::string_view name) {
  return Error(ErrorCode::layer_unavailable, fmt::format("\"{}\": not sent, the layer is closed", name));
}

void fail(BusMessage& message, std::exception_ptr error) noexcept {
  try {
    message.failed(Error(ErrorCode::layer_unavailable, fmt::format("{} \"{}\": perhaps not sent: {}",
                                                                   name_of(message.to), message.name, text_of(error))));
  } catch (...) {
    message.failed(Error(ErrorCode::layer_unavailable, {}));
  }
}

}  // namespace

DistributedLayer::DistributedLayer(std::unique_ptr<Bus> bus, DistributedLayerOptions options)
    : options_(checked(std::move(options))),
      executor_(bus->executor()),
      encode_(bus->encoder()),
      on_the_way_(std::make_shared<MessagesOnTheWay>(options_.waiting_events, options_.waiting_bytes)),
      links_(bus->links()),
      bus_(std::move(bus)) {}

// Its executor may have ended before it closed.
DistributedLayer::~DistributedLayer() {
  for (Link& link : links_) link.waiting.end(Error(ErrorCode::layer_unavailable, {}));
}

void DistributedLayer::start(std::shared_ptr<Hub> hub) {
  hub_ = std::move(hub);
  on_the_way_->reports = hub_->reports();
  pauses_ = std::make_shared<ReadingPauses>(executor_, hub_);
  subscriptions_.emplace(*bus_, hub_, options_.name, options_.join_time, [this](std::size_t link) { restored(link); });
  post([](DistributedLayer& self) {
    self.bus_->start(self, self.options_.channel_prefix);
    self.tick();
  });
}

// ---------------------------------------------------------------- groups

void DistributedLayer::group_left(std::string_view group) {
  executor_.post([weak = weak_from_this(), group = std::string(group)] {
    const auto self = weak.lock();
    // The group may have members again, which were announced before this.
    if (self && !self->ended_ && !self->hub_->index().contains(group)) self->subscriptions_->remove({.group = group});
  });
}

Completion<Result<void>> DistributedLayer::join(BusSubscription to) {
  Completion<Result<void>> done;
  post([done, to = std::move(to)](DistributedLayer& self) { self.subscriptions_->add(to, done); });
  return done;
}

void DistributedLayer::leave(BusSubscription to) {
  post([to = std::move(to)](DistributedLayer& self) { self.subscriptions_->release(to); });
}

void DistributedLayer::leave_channels() {
  post([](DistributedLayer& self) { self.subscriptions_->release_channels(); });
}

void DistributedLayer::subscribe_each_channel() {
  const auto watch = [this](void (*what)(BusSubscriptions&, const std::string&)) {
    return [weak = weak_from_this(), what](std::string channel) {
      const auto self = weak.lock();
      if (!self) return;
      self->executor_.post([self, what, channel = std::move(channel)] { what(*self->subscriptions_, channel); });
    };
  };
  hub_->watch_channels(
      {.opened = watch([](BusSubscriptions& all, const std::string& channel) { all.add_consumer_channel(channel); }),
       .closed = watch([](BusSubscriptions& all, const std::string& channel) { all.remove({.channel = channel}); })});
}

// ---------------------------------------------------------------- sending

Result<void> DistributedLayer::publish(BusTarget to, std::string_view name, const Event& event,
                                       std::optional<Receipt> receipt) {
  auto body = encode_(event);
  if (!body) return body.error();
  if (on_the_way_->room.take(QueuedMessage::size_of(*body))) {
    auto accepted = accept(to, name, std::move(*body), std::move(receipt));
    if (accepted) hub_->reports()->published(name, to == BusTarget::group, event);
    return accepted;
  }
  counters_.refused.fetch_add(1, std::memory_order_relaxed);
  hub_->reports()->dropped(LayerDrop::no_room, name);
  return Error(ErrorCode::no_room,
               fmt::format("{0} \"{1}\": not sent, {2} events with {3} bytes wait for {4} already "
                           "({5}::waiting_events, waiting_bytes); {0}_when_room waits until there is room",
                           name_of(to), name, on_the_way_->room.events(), on_the_way_->room.bytes(), options_.name,
                           options_.options_name));
}

Task<Result<void>> DistributedLayer::publish_when_room(BusTarget to, std::string_view name, const Event& event) {
  auto body = encode_(event);
  if (!body) return Result<void>(body.error());
  if (on_the_way_->room.take(QueuedMessage::size_of(*body))) {
    auto accepted = accept(to, name, std::move(*body), {});
    if (accepted) hub_->reports()->published(name, to == BusTarget::group, event);
    return accepted;
  }
  return wait_for_room(shared_from_this(), to, std::string(name), std::move(*body), event);
}

Task<Result<void>> DistributedLayer::wait_for_room(std::shared_ptr<DistributedLayer> self, BusTarget to,
                                                   std::string name, BusBody body, Event event) {
  Room& room = self->on_the_way_->room;
  std::optional<Room::Turn> turn;
  do {
    if (self->closed_) co_return closed_error(name);
    turn.emplace(room);
    const WaitingLine::WakeUp woken = turn->queue_up();
    co_await woken;
  } while (!room.take(QueuedMessage::size_of(body)));
  auto accepted = self->accept(to, name, std::move(body), {});
  if (accepted) self->hub_->reports()->published(name, to == BusTarget::group, event);
  co_return accepted;
}

// There is room for it. A close waits for messages that took their room before.
Result<void> DistributedLayer::accept(BusTarget to, std::string_view name, BusBody body,
                                      std::optional<Receipt> receipt) {
  if (closed_) {
    on_the_way_->room.give_back(1, QueuedMessage::size_of(body));
    return closed_error(name);
  }
  const std::size_t size = QueuedMessage::size_of(body);
  std::shared_ptr<BusMessage> message;
  try {
    message = std::make_shared<QueuedMessage>(to, std::string(name), std::move(body),
                                              executor_.now() + options_.layer.expiry, on_the_way_, std::move(receipt));
  } catch (...) {
    on_the_way_->room.give_back(1, size);
    throw;
  }
  post([message = std::move(message)](DistributedLayer& self) mutable { self.hand_over(std::move(message)); });
  return {};
}

void DistributedLayer::hand_over(std::shared_ptr<BusMessage> message) noexcept {
  try {
    if (ended_) return message->failed(closed_error(message->name));
    const std::size_t link = message->link = bus_->link_of(message->to, message->name);
    links_[link].waiting.put(message);
    message.reset();
    publish_waiting(link);
  } catch (...) {
    if (message) fail(*message, std::current_exception());
  }
}

void DistributedLayer::not_sent(std::size_t link, std::shared_ptr<BusMessage> message) {
  if (ended_) return message->failed(closed_error(message->name));
  links_[link].waiting.put_back(std::move(message));
}

void DistributedLayer::publish_waiting(std::size_t number) noexcept {
  Link& link = links_[number];
  if (link.publishing) return;  // the bus reports room from within publish()
  link.publishing = true;
  while (link.up && !ended_) {
    drop_expired(link);
    if (link.waiting.empty()) break;
    const std::shared_ptr<BusMessage> message = link.waiting.take();
    try {
      if (!bus_->publish(message)) {
        link.waiting.put_first(message);
        break;
      }
    } catch (...) {
      fail(*message, std::current_exception());
    }
  }
  link.publishing = false;
}

void DistributedLayer::drop_expired(Link& link) noexcept {
  if (!link.waiting.is_expired(executor_.now())) return;
  try {
    const Error error(ErrorCode::layer_unavailable, options_.name + " was down for longer than the event's expiry");
    counters_.expired_waiting.fetch_add(link.waiting.drop_expired(executor_.now(), error), std::memory_order_relaxed);
  } catch (...) {  // no memory for the Error: the next tick drops them
  }
}

void DistributedLayer::writable(std::size_t link) {
  publish_waiting(link);
  // A message that has just ended gives its room back when the bus returns from this call: so this is a job of its own.
  if (closing_) post([](DistributedLayer& self) { self.leave_when_drained(); });
}

// ---------------------------------------------------------------- receiving

void DistributedLayer::received(BusTarget to, std::string_view name, const Event& event) {
  counters_.received.fetch_add(1, std::memory_order_relaxed);
  try {
    if (to == BusTarget::group) {
      hub_->deliver_to_group(name, event);
    } else if (name.starts_with(options_.channel_prefix) || name.find('!') != name.npos) {
      hub_->deliver_to_channel(name, event);
    } else {
      hub_->deliver_to_plain_channel(name, event);
    }
  } catch (...) {
    missed(
        Error(ErrorCode::layer_unavailable, "an event could not be delivered: " + text_of(std::current_exception())));
  }
}

void DistributedLayer::when_room(Function<void()> resume) {
  if (ended_) return;  // the bus lives until its last job, and must not be called behind that
  pauses_->add(std::move(resume));
  counters_.pauses.fetch_add(1, std::memory_order_relaxed);
}

void DistributedLayer::add_to(LayerStats& stats) const {
  stats.dropped_no_room += counters_.refused;
  stats.waiting_events += on_the_way_->room.events();
  stats.waiting_bytes += on_the_way_->room.bytes();
}

BusStats DistributedLayer::stats() const {
  BusStats stats;
  stats.up = counters_.up;
  stats.downs = counters_.downs;
  stats.waiting_events = on_the_way_->room.events();
  stats.waiting_bytes = on_the_way_->room.bytes();
  stats.refused = counters_.refused;
  stats.expired_waiting = counters_.expired_waiting;
  stats.received = counters_.received;
  stats.pauses = counters_.pauses;
  stats.memberships = subscriptions_->size();
  stats.undelivered = on_the_way_->undelivered;
  return stats;
}

}  // namespace sluice::SLUICE_ABI
