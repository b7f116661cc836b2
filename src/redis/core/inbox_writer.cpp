// SPDX-License-Identifier: MIT
#include "redis/core/inbox_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "redis/bus/echo_proof.hpp"
#include "redis/wire/node.hpp"

namespace sluice::SLUICE_ABI::redis {
namespace {

constexpr std::size_t largest_capacity = std::size_t{1} << 53;  // up to which Lua's numbers are exact

// Per key: removes expired messages, and stores the message unless the key is at capacity. Returns how many were
// expired, and which keys were full (redis-wire R-15, R-19, all of a publication in one step). A script that has
// written once may exceed maxmemory: so it removes nothing if nothing is expired.
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

bool is_plain(std::string_view non_local_name) { return !non_local_name.ends_with('!'); }

std::int64_t whole(double seconds) { return static_cast<std::int64_t>(std::floor(seconds)); }

}  // namespace

// Django's local names are 32 hexadecimal digits; ours are a letter, a dot, and digits.
bool is_sluice_channel(std::string_view channel) {
  const std::size_t mark = channel.find('!');
  return mark != channel.npos && channel.size() > mark + 2 && channel[mark + 2] == '.';
}

std::size_t capacity_for_django(const RedisOptions& options, std::string_view channel) {
  for (const ChannelCapacity& exception : options.channel_capacity) {
    if (exception.fits(channel)) return exception.capacity();
  }
  return options.capacity;
}

InboxWriter::InboxWriter(SessionEvents& events, Node& node, std::size_t host, std::string inbox, const GroupKeys& keys,
                         std::shared_ptr<MessageSequence> sequence)
    : events_(events),
      context_(events.context()),
      node_(node),
      host_(host),
      names_(context_.options().prefix),
      inbox_(std::move(inbox)),
      keys_(keys),
      sequence_(std::move(sequence)) {}

void InboxWriter::publish(Outgoing outgoing) {
  const BusMessage& message = *outgoing.message;
  if (outgoing.targets.empty() && message.to == BusTarget::group) return look_up(std::move(outgoing));
  if (outgoing.targets.empty()) {
    const std::string_view shared = non_local_name(message.name);
    outgoing.targets.push_back({names_.channel_key(shared),
                                capacity_of(message.name),
                                is_plain(shared) ? Addressing::none : Addressing::one,
                                {message.name}});
  }
  if (looking_up_ > 0) return write_behind_look_ups(std::move(outgoing));
  write(std::move(outgoing));
}

// A direct send is ordered behind earlier broadcasts.
void InboxWriter::write_behind_look_ups(Outgoing outgoing) {
  ++looking_up_;
  node_.commands().request({"PING"}, [this, outgoing = std::move(outgoing)](const Result<Reply>& reply) mutable {
    --looking_up_;
    if (!reply) return events_.try_again(host_, std::move(outgoing));
    write(std::move(outgoing));
  });
}

void InboxWriter::look_up(Outgoing outgoing) {
  const std::string key = names_.group_key(outgoing.message->name);
  auto& link = node_.commands();
  const std::int64_t oldest = whole(context_.unix_time()) - context_.options().group_expiry.count();
  link.request(Command{"ZREMRANGEBYSCORE", key, "0"}.arg(oldest), [](const Result<Reply>&) {});
  ++looking_up_;
  link.request({"ZRANGE", key, "0", "-1"}, [this, outgoing = std::move(outgoing)](const Result<Reply>& reply) mutable {
    --looking_up_;
    if (!reply) return events_.try_again(host_, std::move(outgoing));
    if (reply->is_array()) {
      if (keys_.lacks_us(outgoing.message->name, *reply)) events_.subscription_missing(host_);
      found(std::move(outgoing), *reply);
    } else {
      context_.refused("group_send", outgoing.message->name, *reply);
      outgoing.message->failed(unexpected("group_send \"" + outgoing.message->name + "\"", *reply));
    }
    events_.answered(host_);
  });
}

// One message per key, for all members that share it, in their order there (redis-wire R-18).
void InboxWriter::found(Outgoing outgoing, const Reply& members) {
  std::map<std::size_t, Outgoing> by_host;
  std::map<std::string_view, std::pair<std::size_t, std::size_t>, std::less<>> places;  // name -> host, target
  for (const Reply& member : members.elements) {
    const std::string_view shared = non_local_name(member.text);
    const auto [place, is_new] = places.try_emplace(shared);
    if (is_new) {
      const std::size_t host = is_plain(shared) ? context_.turn_of(shared) : context_.host_of(shared);
      auto& targets = by_host.try_emplace(host, Outgoing{outgoing.message}).first->second.targets;
      place->second = {host, targets.size()};
      targets.push_back({names_.channel_key(shared), capacity_of(member.text), Addressing::list, {}});
    }
    by_host[place->second.first].targets[place->second.second].channels.push_back(member.text);
  }
  if (by_host.empty()) outgoing.message->reached(0);
  for (auto& [host, part] : by_host) {
    if (host == host_) {
      write(std::move(part));
    } else {
      events_.hand_over(host, std::move(part));
    }
  }
}

std::size_t InboxWriter::capacity_of(std::string_view channel) const {
  const RedisOptions& options = context_.options();
  return is_sluice_channel(channel) ? options.process_capacity : capacity_for_django(options, channel);
}

void InboxWriter::write(Outgoing outgoing) {
  const double now = context_.unix_time();
  const MessageSequence::Stamp stamp = sequence_->next(now);
  Command command{"EVAL", store_script};
  command.arg(static_cast<std::int64_t>(outgoing.targets.size()));
  for (const Target& target : outgoing.targets) command.arg(target.key);
  command.arg(whole(now) - context_.options().expiry.count());
  command.arg(to_text(stamp.score));
  command.arg(context_.options().expiry.count());
  EchoProof& proof = events_.proof(host_);
  std::uint64_t watched = 0;
  for (const Target& target : outgoing.targets) {
    command.arg(static_cast<std::int64_t>(std::min(target.capacity, largest_capacity)));
    const std::string member = stamp.prefix + context_.serializer().message(outgoing.message->body, target.addressing,
                                                                            target.channels, whole(now));
    if (target.key == inbox_ && proof.wants_echo()) watched = proof.watch(member);
    command.arg(member);
  }
  node_.commands().request(command, [this, watched, outgoing = std::move(outgoing)](const Result<Reply>& reply) {
    written(outgoing, reply, watched);
    events_.answered(host_);
  });
}

void InboxWriter::written(const Outgoing& outgoing, const Result<Reply>& reply, std::uint64_t watched) {
  BusMessage& message = *outgoing.message;
  if (!reply) return unconfirmed(message, reply.error(), context_);
  if (!reply->is_array() || reply->elements.empty()) {
    context_.refused(name_of(message.to), message.name, *reply);
    message.failed(unexpected(fmt::format("{} \"{}\"", name_of(message.to), message.name), *reply));
    return events_.proof(host_).refused(watched);
  }
  BusCounters& counters = context_.counters();
  const std::size_t full = reply->elements.size() - 1;
  for (const Target& target : outgoing.targets) count(counters.stored, is_plain(target.key));
  for (std::size_t i = 1; i <= full; ++i) {
    const auto place = static_cast<std::size_t>(reply->elements[i].integer) - 1;
    if (place >= outgoing.targets.size()) continue;
    if (is_plain(outgoing.targets[place].key)) counters.stored.fetch_sub(1);
    if (outgoing.targets[place].key == inbox_) events_.proof(host_).refused(watched);
  }
  events_.proof(host_).accepted(watched);
  count(counters.expired, static_cast<std::uint64_t>(reply->elements.front().integer));
  count(counters.full, full);
  message.full(full);
  message.reached(outgoing.targets.size() - full);
}

}  // namespace sluice::SLUICE_ABI::redis
