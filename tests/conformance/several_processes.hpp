// SPDX-License-Identifier: MIT
// Layers with a bus for the conformance suite: each on an executor of its own, as one layer.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conformance/forwarding_handles.hpp"
#include "sluice/layer/channel_layer.hpp"
#include "sluice/layer/send_receipt.hpp"
#include "sluice/testing/manual_executor.hpp"

namespace sluice::SLUICE_ABI::testing {

/// Receives marks: what was sent before them has arrived.
class Mark final : public Subscriber {
 public:
  Mark(ChannelLayer& layer, ManualExecutor& executor) : executor_(executor) {
    auto opened = executor.run([&] { return layer.open_channel(*this); });
    channel_.emplace(std::move(*opened));
    name = channel_->name();
  }
  ~Mark() {
    executor_.run([this] { channel_.reset(); });
  }
  void deliver(const Event&) override { ++heard; }
  void deliver(const DeliveryRun&) override {}
  Identity identity() const noexcept override { return {{}, nobody_}; }
  Executor& executor() const noexcept override { return executor_; }

  std::string name;
  std::size_t heard = 0;

 private:
  ManualExecutor& executor_;
  std::optional<Channel> channel_;
  const UserId nobody_;
};

/// One or several processes as one layer: a channel belongs to the process of its executor, an inbox to the last, and
/// what is sent is sent by the first, and waits for the bus, so that the sender learns what became of it.
template <class Layer>
class Processes final : public ChannelLayer {
 public:
  Processes(ManualExecutors& executors, const std::function<std::unique_ptr<Layer>(ManualExecutor& executor)>& make)
      : executors_(executors) {
    for (std::size_t i = 0; i < executors.size(); ++i) layers_.push_back(make(executors.at(i)));
    for (auto& layer : layers_) {
      if (!executors.at(0).run([&] { return layer->wait_until_up(); })) throw std::runtime_error("no bus");
    }
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      marks_.push_back(std::make_unique<Mark>(*layers_[i], executors.at(i)));
    }
  }
  ~Processes() override {
    marks_.clear();
    for (auto& layer : layers_) executors_.at(0).run([&] { return layer->close(); });
    executors_.run_all();
  }

  void settle() {
    for (auto& sender : layers_) {
      for (auto& mark : marks_) {
        const std::size_t before = mark->heard;
        if (!sender->send(mark->name, Event::named("mark"))) throw std::runtime_error("not sent");
        if (!executors_.run_until([&] { return mark->heard > before; })) throw std::runtime_error("nothing arrives");
      }
    }
    executors_.run_all();
  }

  Task<Result<Channel>> open_channel(Subscriber& subscriber) override {
    std::size_t process = 0;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      if (&executors_.at(i) == &subscriber.executor()) process = i;
    }
    auto opened = co_await layers_[process]->open_channel(subscriber);
    if (!opened) co_return opened;
    co_return Channel(std::make_unique<ForwardingMembership>(std::move(*opened), this));
  }
  Task<Result<Inbox>> open_inbox(std::string_view channel) override {
    auto opened = co_await layers_.back()->open_inbox(channel);
    if (!opened) co_return opened;
    co_return Inbox(std::make_unique<ForwardingReader>(std::move(*opened), this));
  }
  Result<void> group_send(std::string_view group, Event event) override {
    return done(executors_.at(0).run([&] { return layers_[0]->group_send_confirmed(group, std::move(event)); }));
  }
  Result<void> send(std::string_view channel, Event event) override {
    return done(executors_.at(0).run([&] { return layers_[0]->send_confirmed(channel, std::move(event)); }));
  }
  // These get the outcome of an event when it is on its way, not when it has arrived.
  Task<Result<void>> group_send_when_room(std::string_view group, Event event) override {
    return layers_[0]->group_send_when_room(group, std::move(event));
  }
  Task<Result<void>> send_when_room(std::string_view channel, Event event) override {
    return layers_[0]->send_when_room(channel, std::move(event));
  }
  Task<Result<std::size_t>> group_size(std::string_view group) override { return layers_[0]->group_size(group); }
  Task<Result<std::vector<std::string>>> group_channels(std::string_view group) override {
    return layers_[0]->group_channels(group);
  }
  Task<Result<void>> flush() override {
    for (auto& layer : layers_) {
      auto flushed = co_await layer->flush();
      if (!flushed) co_return flushed;
    }
    co_return Result<void>();
  }
  LayerStats stats() const override {
    LayerStats sum;
    for (const auto& layer : layers_) {
      const LayerStats one = layer->stats();
      sum.sends += one.sends;
      sum.group_sends += one.group_sends;
      sum.deliveries += one.deliveries;
      sum.dropped_full += one.dropped_full;
      sum.dropped_expired += one.dropped_expired;
      sum.dropped_no_channel += one.dropped_no_channel;
      sum.dropped_too_large += one.dropped_too_large;
      sum.dropped_invalid_name += one.dropped_invalid_name;
      sum.channels += one.channels;
      sum.groups = std::max(sum.groups, one.groups);
      sum.plain_channels += one.plain_channels;
    }
    std::size_t marks = 0;
    for (const auto& mark : marks_) marks += mark->heard;
    sum.deliveries -= marks;
    sum.channels -= marks_.size();
    return sum;
  }

 private:
  static Result<void> done(const Result<SendReceipt>& receipt) {
    return receipt ? Result<void>() : Result<void>(receipt.error());
  }

  ManualExecutors& executors_;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<std::unique_ptr<Mark>> marks_;
};

}  // namespace sluice::SLUICE_ABI::testing
