// SPDX-License-Identifier: MIT
#include "layer/hub/hub_shard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace sluice::SLUICE_ABI {
namespace {

constexpr std::size_t beside = 256;  // the overhead of an event, about: its state and its entries in the mail

constexpr std::size_t batch_kept = 1024;  // mails whose memory is kept for the next batch

}  // namespace

HubShard::HubShard(Executor& executor, unsigned number, std::string channel_prefix, std::shared_ptr<GroupIndex> index,
                   std::shared_ptr<LayerReports> reports, const ChannelLayerOptions& options)
    : executor_(executor),
      number_(number),
      channel_prefix_(std::move(channel_prefix)),
      index_(std::move(index)),
      reports_(std::move(reports)),
      room_(options.waiting_events, options.waiting_bytes) {
  authors_.reserve(max_authors);
}

std::string HubShard::channel_name(std::uint64_t channel) const {
  return fmt::format("{}{:02x}{:012x}", channel_prefix_, number_, channel);
}

// ---------------------------------------------------------------- mail

std::size_t HubShard::cost_of(const Event& event) noexcept { return event.memory() + beside; }

// One job, however many events follow. It is posted before another sender can return, as that one relies on it.
void HubShard::put(Mail mail) {
  std::lock_guard lock(mutex_);
  const bool first = inbox_.empty();
  inbox_.push_back(std::move(mail));
  if (!first) return;
  try {
    executor_.post([self = shared_from_this()] { self->drain(); });
  } catch (...) {  // otherwise later mail would wait for a job that was never posted
    inbox_.pop_back();
    throw;
  }
}

void HubShard::drain() {
  {
    std::lock_guard lock(mutex_);
    batch_.swap(inbox_);
  }
  delivering_ = true;
  for (std::size_t at = 0; at < batch_.size();) {
    const std::size_t begin = std::exchange(at, deliver_from(at));
    std::size_t bytes = 0;
    for (std::size_t i = begin; i < at; ++i) bytes += batch_[i].cost;
    room_.release(at - begin, bytes);
  }
  delivering_ = false;
  if (reports_->observed()) report_written();
  batch_.clear();
  if (batch_.capacity() > batch_kept) batch_ = {};
  room_.wake_one();
}

// ---------------------------------------------------------------- channels and groups

std::uint64_t HubShard::take_number() {
  if (excluded_.size() <= slots_.size()) excluded_.resize(2 * slots_.size() + 64);
  return ++last_serial_ << slot_bits | slots_.take();
}

void HubShard::give_back_number(std::uint64_t number) noexcept { slots_.give_back(slot_of(number)); }

HubMember* HubShard::find(std::uint64_t channel) const noexcept {
  HubMember* const member = slots_.at(slot_of(channel));
  return member && member->number() == channel ? member : nullptr;
}

void HubShard::open(HubMember& member) {
  if (watch_) watch_->opened(member.name());
  users_.add(member);
  slots_.set(slot_of(member.number()), member);
  count(counters_.channels, 1);
  if (!while_open_) while_open_ = shared_from_this();
}

void HubShard::watch_channels(std::shared_ptr<const ChannelWatch> watch) {
  watch_ = std::move(watch);
  for_each_member([this](const HubMember& member) { watch_->opened(member.name()); });
}

void HubShard::close(HubMember& member) noexcept {
  try {
    if (watch_) watch_->closed(member.name());
  } catch (const std::exception&) {
    // No memory: the bus keeps a subscription without a member, and counts its events.
  }
  leave_all(member);
  users_.remove(member);
  give_back_number(member.number());
  count(counters_.channels, std::uint64_t(-1));
  if (counters_.channels.load(std::memory_order_relaxed) == 0) std::exchange(while_open_, nullptr).reset();
}

void HubShard::join(HubMember& member, std::string_view name) {
  assert(!delivering_ && "a delivery must not run user code");
  auto found = groups_.find(name);
  if (found == groups_.end()) {
    found = groups_.emplace(std::string(name), HubGroup{}).first;
    found->second.name = &found->first;
  }
  HubGroup& group = found->second;
  if (member.joined().contains(&group)) return;
  try {
    if (group.members.empty()) index_->add_shard(name, number_);
    group.members.push_back(&member);
    try {
      member.joined().add(&group, static_cast<std::uint32_t>(group.members.size() - 1));
    } catch (...) {
      group.members.pop_back();
      throw;
    }
  } catch (...) {
    forget_if_empty(group);
    throw;
  }
}

void HubShard::leave(HubMember& member, std::string_view name) {
  const auto found = groups_.find(name);
  if (found == groups_.end()) return;
  if (const auto place = member.joined().remove(&found->second)) leave(found->second, *place);
}

void HubShard::leave_all(HubMember& member) noexcept {
  member.joined().take_all([this](HubGroup& group, std::uint32_t place) { leave(group, place); });
}

// The member itself no longer knows the group.
void HubShard::leave(HubGroup& group, std::uint32_t place) noexcept {
  assert(!delivering_ && "a delivery must not run user code");
  auto& members = group.members;
  members[place] = members.back();
  members.pop_back();
  if (place < members.size()) members[place]->joined().move(&group, place);
  forget_if_empty(group);
}

void HubShard::forget_if_empty(HubGroup& group) noexcept {
  if (!group.members.empty()) return;
  index_->remove_shard(*group.name, number_);
  groups_.erase(groups_.find(*group.name));
}

const HubGroup* HubShard::find(std::string_view group) const {
  const auto found = groups_.find(group);
  return found == groups_.end() ? nullptr : &found->second;
}

void HubShard::clear() {
  std::size_t dropped = 0, bytes = 0;
  {
    std::lock_guard lock(mutex_);
    dropped = std::erase_if(inbox_, [&](const Mail& mail) {
      if (!mail.to_all()) bytes += mail.cost;
      return !mail.to_all();
    });
  }
  room_.give_back(dropped, bytes);
  for_each_member([this](HubMember& member) { leave_all(member); });
}

// ---------------------------------------------------------------- a member

HubMember::HubMember(HubShard& shard, Subscriber& subscriber, std::uint64_t number, std::size_t capacity)
    : shard_(shard),
      subscriber_(subscriber),
      number_(number),
      capacity_(static_cast<std::uint32_t>(std::min<std::size_t>(capacity, UINT32_MAX))) {
  shard_.open(*this);
}

HubMember::~HubMember() { shard_.close(*this); }

Task<Result<void>> HubMember::join(std::string_view group) {
  if (!shard_.index().has_bus()) {
    shard_.join(*this, group);
    return Result<void>();
  }
  const bool was_member = in_group(group);
  shard_.join(*this, group);
  return shard_.index().until_announced(group, [this, group, was_member] {
    if (!was_member) shard_.leave(*this, group);
  });
}

Task<Result<void>> HubMember::leave(std::string_view group) {
  shard_.leave(*this, group);
  return Result<void>();
}

}  // namespace sluice::SLUICE_ABI
