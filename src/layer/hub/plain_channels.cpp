// SPDX-License-Identifier: MIT
#include "layer/hub/plain_channels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice::SLUICE_ABI {

// ---------------------------------------------------------------- one channel

PlainChannel::Stored PlainChannel::push(Event event, TimePoint expires) {
  std::lock_guard lock(mutex_);
  if (items_.size() >= capacity_) return Stored::full;
  items_.push_back({std::move(event), expires});
  return Stored::yes;
}

std::size_t PlainChannel::drop_expired(TimePoint now) {
  std::lock_guard lock(mutex_);
  std::size_t dropped = 0;
  for (; !items_.empty() && items_.front().expires <= now; ++dropped) items_.pop_front();
  return dropped;
}

bool PlainChannel::take_sweep() {
  std::lock_guard lock(mutex_);
  return !std::exchange(swept_, true);
}

std::optional<PlainChannel::TimePoint> PlainChannel::next_sweep() {
  std::lock_guard lock(mutex_);
  swept_ = !items_.empty();
  return swept_ ? std::optional(items_.front().expires) : std::nullopt;
}

void PlainChannel::add_reader() {
  std::lock_guard lock(mutex_);
  ++readers_;
}

void PlainChannel::remove_reader() {
  std::lock_guard lock(mutex_);
  --readers_;
}

bool PlainChannel::idle() const {
  std::lock_guard lock(mutex_);
  return items_.empty() && readers_ == 0;
}

// ---------------------------------------------------------------- all of them

std::size_t capacity_of(const ChannelLayerOptions& options, std::string_view channel) {
  for (const ChannelCapacity& exception : options.channel_capacity) {
    if (exception.fits(channel)) return exception.capacity();
  }
  return options.capacity;
}

std::shared_ptr<PlainChannel> PlainChannels::find_or_make(std::string_view channel) {
  auto& place = channels_[std::string(channel)];
  if (!place) place = std::make_shared<PlainChannel>(std::string(channel), capacity_of(options_, channel));
  return place;
}

Result<void> PlainChannels::send(std::string_view name, Event event) {
  std::shared_ptr<PlainChannel> channel;
  Put put_there{};
  {
    std::lock_guard lock(mutex_);  // so that the channel is not removed between the look-up and the put
    channel = find_or_make(name);
    put_there = put(*channel, std::move(event));
  }
  after_put(channel, put_there);
  if (put_there.stored == PlainChannel::Stored::yes) return {};
  return Error(ErrorCode::channel_full, fmt::format("send \"{}\": {} events wait there already, and none is read", name,
                                                    capacity_of(options_, name)));
}

void PlainChannels::send(const std::shared_ptr<PlainChannel>& channel, Event event) {
  after_put(channel, put(*channel, std::move(event)));
}

PlainChannels::Put PlainChannels::put(PlainChannel& channel, Event event) {
  const auto now = clock_.now();
  const std::size_t expired = channel.drop_expired(now);
  const auto stored = channel.push(std::move(event), now + options_.expiry);
  (stored == PlainChannel::Stored::yes ? stored_ : dropped_full_).fetch_add(1, std::memory_order_relaxed);
  return {stored, expired};
}

void PlainChannels::count_expired(const PlainChannel& channel, std::size_t events) noexcept {
  dropped_expired_.fetch_add(events, std::memory_order_relaxed);
  reports_->dropped(LayerDrop::expired, channel.name(), events);
}

void PlainChannels::after_put(const std::shared_ptr<PlainChannel>& channel, const Put& put) {
  count_expired(*channel, put.expired);
  if (put.stored == PlainChannel::Stored::full) {
    reports_->dropped(LayerDrop::full, channel->name());
    return forget_if_idle(*channel);  // its capacity may be 0
  }
  if (channel->take_sweep()) sweep_later(channel, options_.expiry);
  channel->wake_one();
}

void PlainChannels::sweep_later(const std::shared_ptr<PlainChannel>& channel, std::chrono::nanoseconds delay) {
  clock_.post_after(delay, [weak = weak_from_this(), weak_channel = std::weak_ptr(channel)] {
    const auto all = weak.lock();
    const auto one = weak_channel.lock();
    if (!all || !one) return;
    const auto now = all->clock_.now();
    all->count_expired(*one, one->drop_expired(now));
    if (const auto next = one->next_sweep()) {
      all->sweep_later(one, *next - now);
    } else {
      all->forget_if_idle(*one);
    }
  });
}

void PlainChannels::forget_if_idle(const PlainChannel& channel) {
  std::lock_guard lock(mutex_);
  const auto found = channels_.find(channel.name());
  if (found != channels_.end() && found->second.get() == &channel && channel.idle()) channels_.erase(found);
}

std::optional<Event> PlainChannels::take(PlainChannel& channel) {
  count_expired(channel, channel.drop_expired(clock_.now()));
  return channel.pop();
}

Inbox PlainChannels::open_inbox(std::string_view channel, std::shared_ptr<void> keep_alive) {
  std::shared_ptr<PlainChannel> opened;
  {
    std::lock_guard lock(mutex_);
    opened = find_or_make(channel);
    opened->add_reader();  // under the lock, so that it is not removed meanwhile
  }
  try {
    return Inbox(std::make_unique<PlainReader>(shared_from_this(), opened, std::move(keep_alive)));
  } catch (...) {
    close_reader(opened);
    throw;
  }
}

void PlainChannels::close_reader(const std::shared_ptr<PlainChannel>& channel) {
  channel->remove_reader();
  forget_if_idle(*channel);
}

void PlainChannels::flush() {
  index_.remove_all_plain_channels();
  std::lock_guard lock(mutex_);
  std::erase_if(channels_, [](auto& channel) {
    (void)channel.second->take_all();
    return channel.second->idle();
  });
}

std::size_t PlainChannels::count() const {
  std::lock_guard lock(mutex_);
  return channels_.size();
}

// ---------------------------------------------------------------- its reader

PlainReader::PlainReader(std::shared_ptr<PlainChannels> channels, std::shared_ptr<PlainChannel> channel,
                         std::shared_ptr<void> keep_alive)
    : parts_(std::make_shared<Parts>()) {
  parts_->keep_alive = std::move(keep_alive);
  parts_->channels = std::move(channels);
  parts_->channel = std::move(channel);
}

PlainReader::~PlainReader() {
  PlainChannels& channels = *parts_->channels;
  for (const std::string& group : groups_) channels.index().remove_plain_channel(group, *parts_->channel, *this);
  channels.close_reader(parts_->channel);
  parts_->life.end();
}

Task<Result<Event>> PlainReader::receive(std::shared_ptr<Parts> parts) {
  PlainChannel::Turn turn(*parts->channel);
  for (;;) {
    if (parts->life.over()) co_return ReaderLife::error();
    if (auto event = parts->channels->take(*parts->channel)) co_return std::move(*event);
    const PlainChannel::WakeUp woken = turn.queue_up();
    if (parts->life.waits_for(woken)) co_await woken;
  }
}

// The index is read each time, as a flush empties it and not our list.
Task<Result<void>> PlainReader::join(std::string_view group) {
  GroupIndex& index = parts_->channels->index();
  {
    std::lock_guard lock(mutex_);
    if (!groups_.contains(group)) groups_.emplace(group);
    index.add_plain_channel(group, parts_->channel, *this);
  }
  return index.until_announced(group, [this, group] { leave_now(group); });
}

Task<Result<void>> PlainReader::leave(std::string_view group) {
  leave_now(group);
  return Result<void>();
}

void PlainReader::leave_now(std::string_view group) {
  std::lock_guard lock(mutex_);
  if (const auto found = groups_.find(group); found != groups_.end()) groups_.erase(found);
  parts_->channels->index().remove_plain_channel(group, *parts_->channel, *this);
}

}  // namespace sluice::SLUICE_ABI
