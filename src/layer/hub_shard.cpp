// SPDX-License-Identifier: MIT
#include "layer/hub_shard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace sluice {
namespace {

// One writer, many readers: no locked instruction.
void add(std::atomic<std::uint64_t>& counter, std::uint64_t more) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
}

constexpr unsigned slot_bits = 24;  // more channels than an executor ever holds

std::uint32_t slot_of(std::uint64_t number) noexcept {
  return static_cast<std::uint32_t>(number) & ((1U << slot_bits) - 1);
}

constexpr std::size_t max_authors = 8;  // that each member of a run is compared with

// For a whole group, or all of it but one socket: what most broadcasts are.
bool for_nearly_everyone(const Event& event) {
  if (event.broadcasts().size() != 1) return false;
  const Audience& audience = event.broadcasts().front().audience;
  return audience.except_users.empty() && !audience.only_users;
}

const std::string& excepted_by(const Event& event) { return event.broadcasts().front().audience.except_socket; }

}  // namespace

HubShard::HubShard(Executor& executor, unsigned number, std::string channel_prefix, std::shared_ptr<GroupIndex> index)
    : executor_(executor), number_(number), channel_prefix_(std::move(channel_prefix)), index_(std::move(index)) {}

std::string HubShard::channel_name(std::uint64_t channel) const {
  return fmt::format("{}{:02x}{:012x}", channel_prefix_, number_, channel);
}

// One wake-up, however much follows. It is posted before another sender can return, who relies on it.
void HubShard::put(Mail mail) {
  std::lock_guard lock(mutex_);
  const bool first = inbox_.empty();
  inbox_.push_back(std::move(mail));
  if (first) executor_.post([self = shared_from_this()] { self->drain(); });
}

void HubShard::drain() {
  {
    std::lock_guard lock(mutex_);
    batch_.swap(inbox_);
  }
  delivering_ = true;
  for (std::size_t at = 0; at < batch_.size();) at = deliver_from(at);
  delivering_ = false;
  batch_.clear();
}

std::size_t HubShard::deliver_from(std::size_t at) {
  const Mail& mail = batch_[at];
  if (mail.group.empty()) {
    if (HubMember* member = find(mail.channel)) {
      deliver_to_channel(*member, mail.event);
    } else {
      add(counters_.no_channel, 1);
    }
    return at + 1;
  }
  const HubGroup* group = find(mail.group);
  if (!group) return at + 1;  // the last member left while it was on its way
  if (for_nearly_everyone(mail.event)) return deliver_run(*group, at);
  if (mail.event.broadcasts().empty()) {
    for (HubMember* member : group->members) member->subscriber().deliver(mail.event);
    add(counters_.deliveries, group->members.size());
  } else {
    deliver_to_audience(*group, mail.event);
  }
  return at + 1;
}

// Broadcasts that follow each other to the same group lie side by side in memory: each member is visited once for all
// of them. At 256 waiting broadcasts this makes a delivery 10 times cheaper than one visit for each.
std::size_t HubShard::deliver_run(const HubGroup& group, std::size_t at) {
  const BroadcastKind kind = batch_[at].event.broadcast_kind();
  Frame joined;
  for (; at < batch_.size(); ++at) {
    const Mail& mail = batch_[at];
    if (!run_.empty() &&
        (mail.group != *group.name || mail.event.broadcast_kind() != kind || !for_nearly_everyone(mail.event))) {
      break;
    }
    Frame frame = std::exchange(begun_, {});
    if (frame.empty()) frame = frames().encode(MessageKind::text, mail.event.broadcasts().front().payload.view());
    const std::string& author = excepted_by(mail.event);
    const bool new_author = !author.empty() && std::ranges::find(authors_, author) == authors_.end();
    if (run_.empty()) {
      joined = frame;
    } else if ((new_author && authors_.size() == max_authors) || !joined.extend(frame)) {
      begun_ = std::move(frame);  // the next run begins here
      break;
    }
    if (new_author) authors_.push_back(author);
    run_.push_back({mail.event, std::move(frame), mail.event.broadcasts().front().key});
  }
  const DeliveryRun run{run_, joined, kind, *group.name};
  std::uint64_t delivered = 0;
  for (HubMember* member : group.members) {
    if (authors_.empty() || std::ranges::find(authors_, member->identity().web_socket_id) == authors_.end()) {
      member->subscriber().deliver(run);
      delivered += run_.size();
    } else {
      delivered += deliver_to_author(*member, run);
    }
  }
  add(counters_.deliveries, delivered);
  run_.clear();
  authors_.clear();
  return at;
}

// Everything of the run but the member's own.
std::uint64_t HubShard::deliver_to_author(HubMember& member, const DeliveryRun& run) {
  std::uint64_t delivered = 0;
  for (const Delivery& delivery : run.deliveries) {
    if (excepted_by(delivery.event) == member.identity().web_socket_id) continue;
    member.subscriber().deliver(DeliveryRun{{&delivery, 1}, delivery.frame, run.kind, run.group});
    ++delivered;
  }
  return delivered;
}

void HubShard::deliver_to_audience(const HubGroup& group, const Event& event) {
  for (const Broadcast& broadcast : event.broadcasts()) {
    const Delivery delivery{event, frames().encode(MessageKind::text, broadcast.payload.view()), broadcast.key};
    const DeliveryRun run{{&delivery, 1}, delivery.frame, event.broadcast_kind(), *group.name};
    std::uint64_t delivered = 0;
    const auto offer = [&](HubMember* member) {
      if (!broadcast.audience.includes(member->identity())) return;
      member->subscriber().deliver(run);
      ++delivered;
    };
    if (broadcast.audience.only_users) {  // through the index of users: the group's size does not matter
      for (const UserId& user : *broadcast.audience.only_users) {
        const auto found = users_.find(user);
        if (found == users_.end()) continue;
        for (HubMember* member : found->second) {
          if (member->joined().contains(&group)) offer(member);
        }
      }
    } else {
      for (HubMember* member : group.members) offer(member);
    }
    add(counters_.deliveries, delivered);
  }
}

void HubShard::deliver_to_channel(HubMember& member, const Event& event) {
  add(counters_.deliveries, 1);
  if (event.broadcasts().empty()) return member.subscriber().deliver(event);
  for (const Broadcast& broadcast : event.broadcasts()) {
    if (!broadcast.audience.includes(member.identity())) continue;
    const Delivery delivery{event, frames().encode(MessageKind::text, broadcast.payload.view()), broadcast.key};
    member.subscriber().deliver(DeliveryRun{{&delivery, 1}, delivery.frame, event.broadcast_kind(), {}});
  }
}

std::uint64_t HubShard::take_number() {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(channels_.size()));
    channels_.push_back(nullptr);
  }
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  return ++last_serial_ << slot_bits | slot;
}

HubMember* HubShard::find(std::uint64_t channel) const noexcept {
  const std::size_t slot = slot_of(channel);
  HubMember* const member = slot < channels_.size() ? channels_[slot] : nullptr;
  return member && member->number() == channel ? member : nullptr;
}

void HubShard::deliver_to_all(const Event& event) {
  delivering_ = true;
  for (HubMember* member : channels_) {
    if (member) member->subscriber().deliver(event);
  }
  delivering_ = false;
}

void HubShard::open(HubMember& member) {
  channels_[slot_of(member.number())] = &member;
  if (!member.identity().user_id.anonymous()) users_[member.identity().user_id].push_back(&member);
  add(counters_.channels, 1);
  if (!while_open_) while_open_ = shared_from_this();
}

void HubShard::close(HubMember& member) {
  leave_all(member);
  const auto slot = slot_of(member.number());
  channels_[slot] = nullptr;
  free_slots_.push_back(slot);
  const auto user = users_.find(member.identity().user_id);
  if (user != users_.end()) {
    std::erase(user->second, &member);
    if (user->second.empty()) users_.erase(user);
  }
  add(counters_.channels, std::uint64_t(-1));
  if (counters_.channels.load(std::memory_order_relaxed) == 0) std::exchange(while_open_, nullptr).reset();
}

void HubShard::join(HubMember& member, std::string_view name) {
  assert(!delivering_ && "a delivery must not run user code");
  auto found = groups_.find(name);
  if (found == groups_.end()) {
    found = groups_.emplace(std::string(name), HubGroup{}).first;
    found->second.name = &found->first;
    index_->add_shard(name, number_);
  }
  HubGroup& group = found->second;
  if (member.joined().add(&group, static_cast<std::uint32_t>(group.members.size()))) group.members.push_back(&member);
}

void HubShard::leave(HubMember& member, std::string_view name) {
  const auto found = groups_.find(name);
  if (found != groups_.end()) leave(member, found->second);
}

void HubShard::leave_all(HubMember& member) {
  while (member.joined().size() > 0) leave(member, *member.joined().last());
}

void HubShard::leave(HubMember& member, HubGroup& group) {
  assert(!delivering_ && "a delivery must not run user code");
  const auto place = member.joined().remove(&group);
  if (!place) return;
  auto& members = group.members;
  members[*place] = members.back();
  members.pop_back();
  if (*place < members.size()) members[*place]->joined().move(&group, *place);
  if (!members.empty()) return;
  index_->remove_shard(*group.name, number_);
  groups_.erase(groups_.find(*group.name));
}

const HubGroup* HubShard::find(std::string_view group) const {
  const auto found = groups_.find(group);
  return found == groups_.end() ? nullptr : &found->second;
}

void HubShard::clear() {
  {
    std::lock_guard lock(mutex_);
    inbox_.clear();
  }
  for (HubMember* member : channels_) {
    if (member) leave_all(*member);
  }
}

// ---------------------------------------------------------------- a member

HubMember::HubMember(HubShard& shard, Subscriber& subscriber, std::uint64_t number, std::size_t capacity)
    : shard_(shard), subscriber_(subscriber), number_(number), capacity_(capacity) {
  shard_.open(*this);
}

HubMember::~HubMember() { shard_.close(*this); }

}  // namespace sluice
