// SPDX-License-Identifier: MIT
// How a shard delivers: one event after the other, each encoded once, to its recipients.
#include <algorithm>
#include <exception>
#include <utility>

#include "core/failure.hpp"
#include "layer/hub/hub_shard.hpp"

namespace sluice::SLUICE_ABI {
namespace {

// For a whole group, or all of it but one socket: what most broadcasts are.
bool for_nearly_everyone(const Event& event) {
  if (event.broadcasts().size() != 1) return false;
  const Audience& audience = event.broadcasts().front().audience;
  return audience.except_users.empty() && !audience.only_users;
}

const std::string& excepted_by(const Event& event) { return event.broadcasts().front().audience.except_socket; }

}  // namespace

std::size_t HubShard::deliver_from(std::size_t at) noexcept {
  try {
    return deliver_mail(at);
  } catch (...) {  // no memory to read or to encode it
    run_.clear();
    authors_.clear();
    begun_ = {};
    missed(batch_[at]);
    return at + 1;
  }
}

std::size_t HubShard::deliver_mail(std::size_t at) {
  const Mail& mail = batch_[at];
  if (mail.group.empty()) {
    if (HubMember* member = find(mail.channel)) {
      deliver_to_channel(*member, mail);
    } else if (mail.to_all()) {
      for_each_member([&](HubMember& each) { deliver_to(each, mail.event); });
    } else {
      count(counters_.no_channel, 1);
      reports_->dropped(LayerDrop::no_channel);
    }
    return at + 1;
  }
  const HubGroup* group = find(mail.group);
  if (!group) return at + 1;  // the last member left while it was on its way
  if (for_nearly_everyone(mail.event)) return deliver_run(*group, at);
  if (mail.event.broadcasts().empty()) {
    std::uint64_t delivered = 0;
    for (HubMember* member : group->members) delivered += deliver_to(*member, mail.event);
    count_delivered(mail, 1, delivered);
  } else {
    deliver_to_audience(*group, mail);
  }
  return at + 1;
}

void HubShard::count_delivered(const Mail& first, std::size_t events, std::uint64_t deliveries) noexcept {
  count(counters_.deliveries, deliveries);
  if (!reports_->observed()) return;
  reports_->delivered({first.group, first.event.type(), events, deliveries, executor_.now() - first.published});
}

// Connections write at the end of this turn, and the next job runs in a turn of its own.
void HubShard::report_written() {
  try {
    std::vector<LayerReports::Time> published;
    for (const Mail& mail : batch_) published.push_back(mail.published);
    executor_.post([self = shared_from_this(), published = std::move(published)] {
      self->reports_->written(published, self->executor_.now());
    });
  } catch (...) {
    log_failure("a layer's observers miss a report", std::current_exception());
  }
}

// ---------------------------------------------------------------- one subscriber

// Inlined, or each of a run's deliveries costs 12 instructions more.
template <class What>
[[gnu::always_inline]] inline bool HubShard::deliver_to(HubMember& member, const What& what) noexcept {
  try {
    member.subscriber().deliver(what);
    return true;
  } catch (...) {
    thrown_by(member);
    return false;
  }
}

void HubShard::thrown_by(HubMember& member) noexcept {
  if (!std::exchange(failure_logged_, true)) {
    log_failure("channel layer: a subscriber threw at an event (logged once, LayerStats::failed_deliveries counts)",
                std::current_exception());
  }
  missed_by(member);
}

void HubShard::missed_by(HubMember& member) noexcept {
  count(counters_.failed, 1);
  reports_->dropped(LayerDrop::failed);
  member.subscriber().missed();
}

// The recipients are not known any more: each member may have missed an event.
void HubShard::missed(const Mail& mail) noexcept {
  if (mail.to_all()) {
    for_each_member([this](HubMember& member) { missed_by(member); });
  } else if (mail.group.empty()) {
    if (HubMember* member = find(mail.channel)) missed_by(*member);
  } else if (const HubGroup* group = find(mail.group)) {
    for (HubMember* member : group->members) missed_by(*member);
  }
}

// ---------------------------------------------------------------- many subscribers

// Successive broadcasts for the same group are adjacent in memory: each member is visited once for all of them. At 256
// waiting broadcasts this makes a delivery 10 times cheaper than one visit for each.
std::size_t HubShard::deliver_run(const HubGroup& group, std::size_t at) {
  const Mail& first = batch_[at];
  const BroadcastKind kind = first.event.broadcast_kind();
  Frame joined;
  for (; at < batch_.size(); ++at) {
    try {
      if (!join_run(group, kind, batch_[at], joined)) break;
    } catch (...) {
      if (run_.empty()) throw;
      break;  // those before it have their run
    }
  }
  const DeliveryRun run{run_, joined, kind, *group.name};
  const bool has_authors = !authors_.empty();
  const std::uint64_t messages = run_.size();
  std::uint64_t delivered = 0;
  for (HubMember* member : group.members) {
    if (!has_authors || std::ranges::find(authors_, member->identity().web_socket_id) == authors_.end()) {
      if (deliver_to(*member, run)) delivered += messages;
    } else {
      delivered += deliver_to_author(*member, run);
    }
  }
  count_delivered(first, messages, delivered);
  run_.clear();
  authors_.clear();
  return at;
}

// False: the next run begins here. When it throws the run is as it was.
bool HubShard::join_run(const HubGroup& group, BroadcastKind kind, const Mail& mail, Frame& joined) {
  if (!run_.empty() &&
      (mail.group != *group.name || mail.event.broadcast_kind() != kind || !for_nearly_everyone(mail.event))) {
    return false;
  }
  if (run_.size() == run_.capacity()) run_.reserve(std::max<std::size_t>(16, 2 * run_.capacity()));
  const Broadcast& broadcast = mail.event.broadcasts().front();
  Frame frame = std::exchange(begun_, {});
  if (frame.empty()) frame = frames().encode(MessageKind::text, broadcast.payload.view());
  const std::string& author = broadcast.audience.except_socket;
  const bool new_author = !author.empty() && std::ranges::find(authors_, author) == authors_.end();
  if (run_.empty()) {
    joined = frame;
  } else if ((new_author && authors_.size() == max_authors) || !joined.extend(frame)) {
    begun_ = std::move(frame);
    return false;
  }
  if (new_author) authors_.push_back(author);
  run_.push_back({mail.event, std::move(frame), broadcast.key});
  return true;
}

// Everything of the run but the member's own.
std::uint64_t HubShard::deliver_to_author(HubMember& member, const DeliveryRun& run) noexcept {
  std::uint64_t delivered = 0;
  for (const Delivery& delivery : run.deliveries) {
    if (excepted_by(delivery.event) == member.identity().web_socket_id) continue;
    delivered += deliver_to(member, DeliveryRun{{&delivery, 1}, delivery.frame, run.kind, run.group});
  }
  return delivered;
}

void HubShard::deliver_to_audience(const HubGroup& group, const Mail& mail) {
  const Event& event = mail.event;
  for (const Broadcast& broadcast : event.broadcasts()) {
    Frame frame;
    try {
      frame = frames().encode(MessageKind::text, broadcast.payload.view());
    } catch (...) {
      for_each_of(broadcast.audience, group, [this](HubMember& member) { missed_by(member); });
      continue;
    }
    const Delivery delivery{event, std::move(frame), broadcast.key};
    const DeliveryRun run{{&delivery, 1}, delivery.frame, event.broadcast_kind(), *group.name};
    std::uint64_t delivered = 0;
    for_each_of(broadcast.audience, group, [&](HubMember& member) { delivered += deliver_to(member, run); });
    count_delivered(mail, 1, delivered);
  }
}

// Users are looked up, not compared with each member: the time is linear in the audience's lists and, unless it names
// its users, in the group.
template <class F>
void HubShard::for_each_of(const Audience& audience, const HubGroup& group, F call) {
  const auto is_author = [&](HubMember& member) {
    return !audience.except_socket.empty() && member.identity().web_socket_id == audience.except_socket;
  };
  if (audience.only_users) {
    for (const UserId& user : *audience.only_users) {
      for (HubMember* member : users_.of(user)) {
        if (!is_author(*member) && member->joined().contains(&group)) call(*member);
      }
    }
    return;
  }
  const auto mark = [&](bool excluded) {
    for (const UserId& user : audience.except_users) {
      for (HubMember* member : users_.of(user)) excluded_[slot_of(member->number())] = excluded;
    }
  };
  mark(true);
  for (HubMember* member : group.members) {
    if (!is_author(*member) && !excluded_[slot_of(member->number())]) call(*member);
  }
  mark(false);
}

void HubShard::deliver_to_channel(HubMember& member, const Mail& mail) {
  const Event& event = mail.event;
  if (event.broadcasts().empty()) return count_delivered(mail, 1, deliver_to(member, event));
  std::uint64_t delivered = 0;
  for (const Broadcast& broadcast : event.broadcasts()) {
    if (!broadcast.audience.includes(member.identity())) continue;
    const Delivery delivery{event, frames().encode(MessageKind::text, broadcast.payload.view()), broadcast.key};
    delivered += deliver_to(member, DeliveryRun{{&delivery, 1}, delivery.frame, event.broadcast_kind(), {}});
  }
  count_delivered(mail, 1, delivered);
}

}  // namespace sluice::SLUICE_ABI
