// SPDX-License-Identifier: MIT
#include "redis/core/group_keys.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/whole_number.hpp"
#include "redis/bus/echo_proof.hpp"
#include "redis/core/message_sequence.hpp"
#include "redis/wire/node.hpp"
#include "sluice/core/log.hpp"

namespace sluice::SLUICE_ABI::redis {
namespace {

constexpr std::string_view group_mark = "g.";
constexpr auto patience_with_refusals = std::chrono::seconds(5);  // for example, a Redis without memory
constexpr std::size_t renewals_per_turn = 1000;
constexpr std::size_t least_looked_at = 100;  // keys at a time
constexpr std::size_t looks_for_all = 12;     // where there are many: 6 times answer_time

// Which of the sorted sets lack their member.
constexpr std::string_view missing_script = R"(local missing = {}
for i, key in ipairs(KEYS) do
  if not redis.call('ZSCORE', key, ARGV[i]) then missing[#missing + 1] = i end
end
return missing)";

}  // namespace

std::string group_local_name(std::uint64_t number) { return fmt::format("{}{:x}", group_mark, number); }

std::uint64_t group_number_of(std::string_view local_name) {
  if (!local_name.starts_with(group_mark)) return 0;
  return whole_number<std::uint64_t>(local_name.substr(group_mark.size()), 16).value_or(0);
}

GroupKeys::GroupKeys(SessionEvents& events, Node& node, std::size_t host, std::shared_ptr<GroupNumbers> numbers)
    : events_(events),
      context_(events.context()),
      node_(node),
      host_(host),
      numbers_(std::move(numbers)),
      names_(context_.options().prefix) {}

std::string GroupKeys::member_of(const Entry& entry) const {
  return entry.to.channel.empty() ? context_.process() + group_local_name(entry.number) : entry.to.channel;
}

GroupKeys::Entry* GroupKeys::of_ticket(std::string_view key, std::uint64_t ticket) {
  const auto found = entries_.find(key);
  return found == entries_.end() || found->second.ticket != ticket ? nullptr : &found->second;
}

void GroupKeys::join(const BusSubscription& to, Link::Answer answer) {
  const auto [found, is_new] = entries_.try_emplace(to.key());
  Entry& entry = found->second;
  if (is_new) {
    entry.to = to;
    if (to.channel.empty()) entry.number = numbers_->add(to.group);
  }
  if (std::exchange(entry.leaving, false)) entry.confirmed = false;
  ask(entry, std::move(answer));
}

// The first of the two answers has whether it was a member.
void GroupKeys::ask(Entry& entry, Link::Answer answer) {
  const TimePoint due = entry.due;
  entry.ticket = ++last_ticket_;
  const std::string key = names_.group_key(entry.to.group);
  Link& link = node_.commands();
  link.request({"ZADD", key, to_text(context_.unix_time()), member_of(entry)},
               [this, id = entry.to.key(), ticket = entry.ticket,
                answer = std::move(answer)](const Result<Reply>& reply) mutable {
                 Entry* const asked = reply ? of_ticket(id, ticket) : nullptr;
                 if (asked && !reply->is_error()) confirmed(*asked, *reply);
                 if (asked && reply->is_error() && asked->confirmed) {
                   schedule(*asked, context_.executor().now() + patience_with_refusals);
                 }
                 answer(reply);
               });
  link.request(Command{"EXPIRE", key}.arg(context_.options().group_expiry.count()), [](const Result<Reply>&) {});
  if (entry.due == due) unschedule(entry);  // last: where a request finds no memory, the next tick asks again
}

void GroupKeys::confirmed(Entry& entry, const Reply& reply) {
  const auto now = context_.executor().now();
  if (entry.due < now - renewal_time()) renewed_late(now - entry.due);
  schedule(entry, now + renewal_time());
  // It was new to Redis again.
  if (std::exchange(entry.confirmed, true) && reply.integer == 1) events_.subscription_missing(host_);
}

void GroupKeys::leave(const BusSubscription& to, Link::Answer answer) {
  const auto found = entries_.find(to.key());
  if (found == entries_.end()) return answer(Reply{});
  Entry& entry = found->second;
  unschedule(entry);
  entry.leaving = true;
  entry.ticket = ++last_ticket_;
  node_.commands().request(
      {"ZREM", names_.group_key(to.group), member_of(entry)},
      [this, id = found->first, ticket = entry.ticket, answer = std::move(answer)](const Result<Reply>& reply) mutable {
        if (const Entry* const left = reply && !reply->is_error() ? of_ticket(id, ticket) : nullptr) {
          numbers_->remove(left->number);
          entries_.erase(entries_.find(id));
        }
        answer(reply);
      });
}

void GroupKeys::lost() {
  ring_.clear();
  for (auto& [key, entry] : entries_) {
    entry.ticket = ++last_ticket_;
    entry.confirmed = entry.scheduled = false;
    entry.due = TimePoint::max();
  }
}

void GroupKeys::schedule(Entry& entry, TimePoint due) {
  unschedule(entry);
  ring_.emplace(due, &entry);
  entry.due = due;
  entry.scheduled = true;
}

void GroupKeys::unschedule(Entry& entry) {
  if (std::exchange(entry.scheduled, false)) ring_.erase({entry.due, &entry});
}

void GroupKeys::tick() {
  renew();
  look_for_keys();
}

// ---------------------------------------------------------------- renewal

// A membership lasts as long as its consumer, not only group_expiry (redis-wire I-4): it is renewed after a third of
// that time, the longest due first. Renewals run twice as fast as needed, to catch up after a delay, and at full speed
// once half of another third has passed.
void GroupKeys::renew() {
  const auto now = context_.executor().now();
  if (ring_.empty() || ring_.begin()->first > now) return;
  std::size_t most = entries_.size();
  if (now - ring_.begin()->first < renewal_time() / 2) {
    const auto share = std::chrono::duration<double>(EchoProof::tick_time) / renewal_time();
    most = std::max(renewals_per_turn, static_cast<std::size_t>(2 * share * static_cast<double>(most)));
  }
  renew_some(most);
}

// A turn of the executor is kept short.
void GroupKeys::renew_some(std::size_t most) {
  const auto now = context_.executor().now();
  for (std::size_t left = std::min(most, renewals_per_turn); left > 0; --left, --most) {
    if (ring_.empty() || ring_.begin()->first > now) return;
    ask(*ring_.begin()->second, [this, group = ring_.begin()->second->to.group](const Result<Reply>& reply) {
      if (reply && reply->is_error()) context_.refused("group_add", group, *reply);
    });
  }
  if (most == 0) return;
  context_.executor().post([weak = weak_from_this(), most] {
    if (const auto self = weak.lock()) self->renew_some(most);
  });
}

void GroupKeys::renewed_late(std::chrono::nanoseconds late) {
  count(context_.counters().late_renewals);
  if (!context_.is_news("late")) return;
  log(LogLevel::warning,
      fmt::format("Redis layer: memberships are renewed late: one by {:.1f} s, and after RedisOptions::group_expiry, "
                  "{} s, they lapse; {} of them are too many for that time, or Redis or this process is too slow",
                  std::chrono::duration<double>(late).count(), context_.options().group_expiry.count(),
                  entries_.size()));
}

// ---------------------------------------------------------------- keys that Redis has lost

// Twice per answer_time some keys are checked: any of them detects a Redis that was flushed. Up to 100 keys are all
// checked each time. With more, smaller checks come more often, so that no command blocks Redis for long.
void GroupKeys::look_for_keys() {
  const unsigned ticks_of_a_look = ticks_per_look(context_.options().answer_time);
  const std::size_t ticks_for_all = looks_for_all * ticks_of_a_look;
  looks_due_ += (entries_.size() + ticks_for_all - 1) / ticks_for_all;
  const bool in_turn = ++ticks_ % ticks_of_a_look == 0;
  if (!in_turn && looks_due_ < least_looked_at) return;
  const auto some = next_confirmed(std::max(least_looked_at, std::exchange(looks_due_, 0)));
  if (some.empty()) return;
  Command command{"EVAL", missing_script};
  command.arg(static_cast<std::int64_t>(some.size()));
  std::vector<std::pair<std::string, std::uint64_t>> asked;
  for (const Entry* entry : some) {
    command.arg(names_.group_key(entry->to.group));
    asked.emplace_back(entry->to.key(), entry->ticket);
  }
  for (const Entry* entry : some) command.arg(member_of(*entry));
  node_.commands().request(command, [this, asked = std::move(asked)](const Result<Reply>& reply) {
    if (!reply || !reply->is_array()) return;  // refused: no information
    for (const Reply& missing : reply->elements) {
      const auto place = static_cast<std::size_t>(missing.integer) - 1;
      if (place >= asked.size()) continue;
      const Entry* entry = of_ticket(asked[place].first, asked[place].second);
      if (entry && entry->confirmed) events_.subscription_missing(host_);
    }
  });
}

// In ring order. The ring has every entry that Redis has confirmed, except those with a pending request. A renewed
// entry moves to the end. Repeated calls visit all entries in turn.
std::vector<GroupKeys::Entry*> GroupKeys::next_confirmed(std::size_t most) {
  std::vector<Entry*> some;
  auto next = ring_.upper_bound(looked_at_);
  for (std::size_t left = std::min(most, ring_.size()); left > 0; --left, ++next) {
    if (next == ring_.end()) next = ring_.begin();
    looked_at_ = *next;
    if (next->second->confirmed) some.push_back(next->second);
  }
  return some;
}

bool GroupKeys::lacks_us(const std::string& group, const Reply& members) const {
  const auto found = entries_.find(BusSubscription{.group = group}.key());
  if (found == entries_.end() || !found->second.confirmed || found->second.leaving) return false;
  return std::ranges::find(members.elements, member_of(found->second), &Reply::text) == members.elements.end();
}

}  // namespace sluice::SLUICE_ABI::redis
