// SPDX-License-Identifier: MIT
#include "redis/inbox_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "core/whole_number.hpp"
#include "layer/hub/hub.hpp"
#include "redis/bus_counters.hpp"
#include "redis/echo_proof.hpp"
#include "redis/message_sequence.hpp"
#include "redis/wire/node.hpp"

namespace sluice::redis {
namespace {

constexpr std::size_t largest_capacity = std::size_t{1} << 53;  // up to which Lua's numbers are exact
constexpr std::size_t batch = 100;                              // of an inbox, at one go
constexpr auto block_time = std::chrono::seconds(5);

// Per key: forgets what is too old, and stores the message unless the key holds its capacity. Answers with how many
// were too old, and which keys were full (redis-wire R-15, R-19, all of a publication in one step). A script that has
// written once may go past maxmemory: so it removes nothing where nothing is old.
constexpr std::string_view store_script = R"(local answer = {0}
for i, key in ipairs(KEYS) do
  if redis.call('ZCOUNT', key, 0, ARGV[1]) > 0 then
    answer[1] = answer[1] + redis.call('ZREMRANGEBYSCORE', key, 0, ARGV[1])
  end
  if redis.call('ZCARD', key) < tonumber(ARGV[2 * i + 2]) then
    redis.call('ZADD', key, ARGV[2], ARGV[2 * i + 3])
    redis.call('EXPIRE', key, ARGV[3])
  else
    answer[#answer + 1] = i
  end
end
return answer)";

// Which of the sorted sets lack their member.
constexpr std::string_view missing_script = R"(local missing = {}
for i, key in ipairs(KEYS) do
  if not redis.call('ZSCORE', key, ARGV[i]) then missing[#missing + 1] = i end
end
return missing)";

constexpr std::string_view group_mark = "g.";
constexpr std::string_view nothing = "\xc1";                  // a byte that begins no message, in whatever format
constexpr std::string_view probe_mark = "\xc1sluice:probe:";  // longer than a random prefix: no message begins so
constexpr std::string_view ahead = "-1";  // the score of what is read first, and purged by no sender

bool is_plain(std::string_view non_local_name) { return !non_local_name.ends_with('!'); }

std::int64_t whole(double seconds) { return static_cast<std::int64_t>(std::floor(seconds)); }

}  // namespace

std::string group_local_name(std::uint64_t number) { return fmt::format("{}{:x}", group_mark, number); }

std::uint64_t group_number_of(std::string_view local_name) {
  if (!local_name.starts_with(group_mark)) return 0;
  return whole_number<std::uint64_t>(local_name.substr(group_mark.size()), 16).value_or(0);
}

// Django's local names are 32 hexadecimal digits; ours are a letter, a dot, and digits.
bool is_sluice_channel(std::string_view channel) {
  const std::size_t mark = channel.find('!');
  return mark != channel.npos && channel.size() > mark + 2 && channel[mark + 2] == '.';
}

InboxSession::InboxSession(BusHome& home, Node& node, std::size_t shard)
    : home_(home),
      node_(node),
      shard_(shard),
      names_(home.options().prefix),
      inbox_(names_.channel_key(home.process())) {}

void InboxSession::begin(Function<void()> reading) {
  if (std::exchange(has_read_, true)) feed_last_reader();
  reader_ = node_.connect([this, reading = std::move(reading)]() mutable {
    drain();
    reading();
  });
}

// Where a wire was cut, Redis may not know that our last reader is gone: what comes next it would give to that one, who
// waits longest, and to nobody else. So what comes next is nothing.
void InboxSession::feed_last_reader() {
  auto& link = node_.commands();
  link.request({"ZADD", inbox_, to_text(home_.unix_time()), nothing}, [](const Result<Reply>&) {});
  link.request(Command{"EXPIRE", inbox_}.arg(home_.options().expiry.count()), [](const Result<Reply>&) {});
}

void InboxSession::lost() {
  refusal_.reset();
  if (const auto reader = std::exchange(reader_, nullptr)) reader->close("the host is lost");
}

// Waits for one, and takes with it what else is there: two commands, one round trip. We are the only reader of this
// key, so nothing is kept aside for the case of a crash (redis-wire I-3).
void InboxSession::drain() {
  pauses_ = false;
  if (!home_.hub().has_room()) return wait_for_room();
  const std::uint64_t missing = home_.proof(shard_).missing();  // this round takes it, if it is there
  reader_->request(
      {"BZPOPMIN", inbox_, std::to_string(block_time.count())},
      [this](const Result<Reply>& reply) {
        if (reply && reply->elements.size() == 3) arrived(reply->elements[1].text);
        if (reply && reply->is_error()) refusal_ = *reply;  // renamed, say, or kept from us by an ACL
      },
      block_time);
  reader_->request(Command{"ZPOPMIN", inbox_}.arg(static_cast<std::int64_t>(batch)),
                   [this, missing](const Result<Reply>& reply) {
                     if (!reply) return;
                     // Others may write what we may not read.
                     if (reply->is_error("NOPERM")) return node_.lose(unexpected("ZPOPMIN of the inbox", *reply));
                     for (std::size_t i = 0; i < reply->elements.size(); i += 2) arrived(reply->elements[i].text);
                     if (reply->is_error()) {
                       refusal_ = *reply;
                     } else {
                       home_.proof(shard_).caught_up(missing);
                     }
                     if (const auto refusal = std::exchange(refusal_, std::nullopt)) return drain_later(*refusal);
                     if (reader_) drain();
                   });
}

void InboxSession::drain_later(const Reply& refusal) {
  home_.refused("reading", {}, refusal);
  home_.executor().post_after(pause_after_refusal, pause());
}

// Returns what ends the pause. Meanwhile events wait in the inbox, up to its capacity.
Function<void()> InboxSession::pause() {
  pauses_ = true;
  return while_read([this] { drain(); });
}

// Senders leave out what an inbox that is full cannot hold, and what is older than expiry. Where that may have happened
// the pause is a gap: pages are asked for again.
void InboxSession::wait_for_room() {
  const auto since = home_.executor().now();
  home_.when_room(while_read([this, since] {
    reader_->request({"ZCARD", inbox_}, [this, since](const Result<Reply>& reply) {
      if (!reply) return;
      const RedisOptions& options = home_.options();
      const auto waiting = static_cast<std::size_t>(std::max<std::int64_t>(reply->integer, 0));
      const bool full = reply->is_error() || waiting >= std::min(options.capacity, options.process_capacity);
      const bool too_long = home_.executor().now() - since >= options.expiry;
      drain();
      if (!full && !too_long) return;
      home_.unsettled(shard_, Error(ErrorCode::layer_unavailable,
                                    "reading paused for so long that events may be lost: an executor stood still"));
    });
  }));
  pauses_ = true;
}

// Called unless the reader is another one by then.
Function<void()> InboxSession::while_read(Function<void()> go_on) {
  return [this, weak = std::weak_ptr(reader_), go_on = std::move(go_on)]() mutable {
    if (const auto reader = weak.lock(); reader && reader == reader_) go_on();
  };
}

void InboxSession::arrived(std::string_view member) {
  if (member == nothing) return;
  if (member.starts_with(probe_mark)) {
    const auto ticket = whole_number<std::uint64_t>(member.substr(probe_mark.size()));
    return home_.probe_arrived(shard_, ticket.value_or(0));
  }
  if (EchoProof& proof = home_.proof(shard_); proof.awaits_echo()) proof.received(member);
  member.remove_prefix(std::min(home_.options().random_prefix_length, member.size()));
  const auto arrival = home_.read(member);
  if (!arrival) return;
  if (arrival->channels.empty()) count(home_.counters().no_channel);
  for (const std::string& channel : arrival->channels) {
    const std::string_view name(channel);
    const std::uint64_t number =
        name.starts_with(home_.process()) ? group_number_of(name.substr(home_.process().size())) : 0;
    if (number == 0) {
      home_.hub().deliver_to_channel(name, arrival->event);
    } else if (const std::string* group = home_.memberships().group_of(number)) {
      home_.hub().deliver_to_group(*group, arrival->event);  // no member any more is no fault: they left meanwhile
    } else {
      count(home_.counters().no_channel);
    }
  }
}

void InboxSession::probe(std::uint64_t ticket, Link::Answer answer) {
  auto& link = node_.commands();
  link.request({"ZADD", inbox_, ahead, std::string(probe_mark) + std::to_string(ticket)}, std::move(answer));
  link.request(Command{"EXPIRE", inbox_}.arg(home_.options().expiry.count()), [](const Result<Reply>&) {});
}

bool InboxSession::is_behind() const {
  return reader_ && (pauses_ || home_.executor().now() - reader_->last_received() < EchoProof::tick_time);
}

std::string InboxSession::member_of(const Membership& membership) const {
  if (!membership.plain_channel.empty()) return membership.plain_channel;
  return home_.process() + group_local_name(membership.number);
}

void InboxSession::join(const Membership& membership, Link::Answer answer) {
  const std::string key = names_.group_key(membership.group);
  auto& link = node_.commands();
  // Of the two answers the first says whether it is a member.
  link.request({"ZADD", key, to_text(home_.unix_time()), member_of(membership)}, std::move(answer));
  link.request(Command{"EXPIRE", key}.arg(home_.options().group_expiry.count()), [](const Result<Reply>&) {});
}

void InboxSession::leave(const Membership& membership, Link::Answer answer) {
  node_.commands().request({"ZREM", names_.group_key(membership.group), member_of(membership)}, std::move(answer));
}

void InboxSession::find_missing(const std::vector<Membership*>& some, Link::Answer answer) {
  Command command{"EVAL", missing_script};
  command.arg(static_cast<std::int64_t>(some.size()));
  for (const Membership* membership : some) command.arg(names_.group_key(membership->group));
  for (const Membership* membership : some) command.arg(member_of(*membership));
  node_.commands().request(command, std::move(answer));
}

// Redis had confirmed that we are a member, before it was asked for these.
bool InboxSession::lacks_us(const std::string& group, const Reply& members) const {
  const Membership* membership = home_.memberships().find(group, {});
  if (!membership || membership->state != Membership::State::joined) return false;
  return std::ranges::find(members.elements, member_of(*membership), &Reply::text) == members.elements.end();
}

void InboxSession::mark(Link::Answer answer) { node_.commands().request({"PING"}, std::move(answer)); }

void InboxSession::say_goodbye(Link::Answer answer) { node_.commands().request({"DEL", inbox_}, std::move(answer)); }

bool InboxSession::has_room() const { return node_.has_room(); }

void InboxSession::publish(Outgoing outgoing) {
  const Publication& publication = *outgoing.publication;
  if (outgoing.targets.empty() && publication.to == Publication::To::group) return look_up(std::move(outgoing));
  if (outgoing.targets.empty()) {
    const std::string_view shared = non_local_name(publication.name);
    outgoing.targets.push_back({names_.channel_key(shared),
                                capacity_of(publication.name),
                                is_plain(shared) ? Addressing::none : Addressing::one,
                                {publication.name}});
  }
  if (looking_up_ > 0) return write_behind_look_ups(std::move(outgoing));
  write(std::move(outgoing));
}

// A member who is sent something directly hears it behind the broadcasts that were sent before.
void InboxSession::write_behind_look_ups(Outgoing outgoing) {
  ++looking_up_;
  node_.commands().request({"PING"}, [this, outgoing = std::move(outgoing)](const Result<Reply>& reply) mutable {
    --looking_up_;
    if (!reply) return home_.try_again(shard_, std::move(outgoing));
    write(std::move(outgoing));
  });
}

void InboxSession::look_up(Outgoing outgoing) {
  const std::string key = names_.group_key(outgoing.publication->name);
  auto& link = node_.commands();
  const std::int64_t oldest = whole(home_.unix_time()) - home_.options().group_expiry.count();
  link.request(Command{"ZREMRANGEBYSCORE", key, "0"}.arg(oldest), [](const Result<Reply>&) {});
  ++looking_up_;
  link.request({"ZRANGE", key, "0", "-1"}, [this, outgoing = std::move(outgoing)](const Result<Reply>& reply) mutable {
    --looking_up_;
    if (!reply) return home_.try_again(shard_, std::move(outgoing));
    if (reply->is_array()) {
      if (lacks_us(outgoing.publication->name, *reply)) home_.membership_missing(shard_);
      found(std::move(outgoing), *reply);
    } else {
      home_.refused("group_send", outgoing.publication->name, *reply);
      outgoing.publication->failed(unexpected("group_send \"" + outgoing.publication->name + "\"", *reply));
    }
    home_.answered(shard_);
  });
}

// One message per key, for all members that share it, in the order in which they stand there (redis-wire R-18).
void InboxSession::found(Outgoing outgoing, const Reply& members) {
  std::map<std::size_t, Outgoing> by_shard;
  std::map<std::string_view, std::pair<std::size_t, std::size_t>, std::less<>> places;  // name -> shard, target
  for (const Reply& member : members.elements) {
    const std::string_view shared = non_local_name(member.text);
    const auto [place, is_new] = places.try_emplace(shared);
    if (is_new) {
      const std::size_t shard = is_plain(shared) ? home_.turn_of(shared) : home_.shard_of(shared);
      auto& targets = by_shard.try_emplace(shard, Outgoing{outgoing.publication}).first->second.targets;
      place->second = {shard, targets.size()};
      targets.push_back({names_.channel_key(shared), capacity_of(member.text), Addressing::list, {}});
    }
    by_shard[place->second.first].targets[place->second.second].channels.push_back(member.text);
  }
  for (auto& [shard, part] : by_shard) {
    if (shard == shard_) {
      write(std::move(part));
    } else {
      home_.hand_over(shard, std::move(part));
    }
  }
}

std::size_t InboxSession::capacity_of(std::string_view channel) const {
  const RedisOptions& options = home_.options();
  if (is_sluice_channel(channel)) return options.process_capacity;
  for (const ChannelCapacity& exception : options.channel_capacity) {
    if (exception.fits(channel)) return exception.capacity();
  }
  return options.capacity;
}

void InboxSession::write(Outgoing outgoing) {
  const double now = home_.unix_time();
  const MessageSequence::Stamp stamp = home_.stamps().next(now);
  Command command{"EVAL", store_script};
  command.arg(static_cast<std::int64_t>(outgoing.targets.size()));
  for (const Target& target : outgoing.targets) command.arg(target.key);
  command.arg(whole(now) - home_.options().expiry.count());
  command.arg(to_text(stamp.score));
  command.arg(home_.options().expiry.count());
  EchoProof& proof = home_.proof(shard_);
  std::uint64_t watched = 0;
  for (const Target& target : outgoing.targets) {
    command.arg(static_cast<std::int64_t>(std::min(target.capacity, largest_capacity)));
    const std::string member = stamp.prefix + home_.serializer().message(outgoing.publication->body, target.addressing,
                                                                         target.channels, whole(now));
    if (target.key == inbox_ && proof.wants_echo()) watched = proof.watch(member);
    command.arg(member);
  }
  node_.commands().request(command, [this, watched, outgoing = std::move(outgoing)](const Result<Reply>& reply) {
    written(outgoing, reply, watched);
    home_.answered(shard_);
  });
}

void InboxSession::written(const Outgoing& outgoing, const Result<Reply>& reply, std::uint64_t watched) {
  Publication& publication = *outgoing.publication;
  const std::string what = fmt::format("{} \"{}\"", name_of(publication.to), publication.name);
  if (!reply) {
    count(home_.counters().unconfirmed);
    publication.failed(
        Error(reply.error().code(), fmt::format("{}: perhaps not sent: {}", what, reply.error().context())));
    return;
  }
  if (!reply->is_array() || reply->elements.empty()) {
    home_.refused(name_of(publication.to), publication.name, *reply);
    publication.failed(unexpected(what, *reply));
    return home_.proof(shard_).refused(watched);
  }
  BusCounters& counters = home_.counters();
  const std::size_t full = reply->elements.size() - 1;
  for (const Target& target : outgoing.targets) count(counters.stored, is_plain(target.key));
  for (std::size_t i = 1; i <= full; ++i) {
    const auto place = static_cast<std::size_t>(reply->elements[i].integer) - 1;
    if (place >= outgoing.targets.size()) continue;
    if (is_plain(outgoing.targets[place].key)) counters.stored.fetch_sub(1);
    if (outgoing.targets[place].key == inbox_) home_.proof(shard_).refused(watched);
  }
  home_.proof(shard_).accepted(watched);
  count(counters.expired, static_cast<std::uint64_t>(reply->elements.front().integer));
  count(counters.full, full);
  publication.full(full);
  publication.reached(outgoing.targets.size() - full);
}

}  // namespace sluice::redis
