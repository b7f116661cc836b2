// SPDX-License-Identifier: MIT
#include "redis/pubsub/cluster_session.hpp"

#include <algorithm>
#include <utility>

#include "core/whole_number.hpp"
#include "redis/bus/echo_proof.hpp"
#include "redis/wire/node.hpp"

namespace sluice::SLUICE_ABI::redis {
namespace {

constexpr unsigned most_hops = 5;  // redirections from one master to the next

}  // namespace

ClusterSession::ClusterSession(SessionEvents& events, std::size_t host)
    : events_(events),
      context_(events.context()),
      node_(context_.node(host)),
      host_(host),
      names_(context_.options().prefix) {}

void ClusterSession::begin(Function<void()> reading) {
  reading_ = std::move(reading);
  node_.commands().request({"CLUSTER", "SLOTS"}, [this](const Result<Reply>& reply) {
    if (reply) connect(*reply);
  });
}

void ClusterSession::connect(const Reply& slots) {
  auto map = ClusterMap::read(slots, node_.server());
  if (!map) return node_.lose(map.error());
  map_ = std::move(*map);
  missing_ = 2 * map_->masters().size();
  probe_channels_.clear();
  for (const Endpoint& master : map_->masters()) {
    probe_channels_.push_back(map_->channel_at(masters_.size(), context_.process()));
    const std::size_t number = masters_.size();
    masters_.push_back({node_.connect_to(master, [this] { one_ready(); }),
                        node_.connect_to(
                            master, [this] { one_ready(); }, [this](const Reply& push) { arrived(push); },
                            [this, number] { pause_while_full(masters_[number].reader, events_.layer()); })});
  }
}

// All masters are connected. Direct sends to consumers of this process arrive through one channel.
void ClusterSession::one_ready() {
  if (--missing_ > 0) return;
  const auto subscribed = [this](const Result<Reply>& reply) {
    if (!reply) return;
    if (reply->is_error()) return node_.lose(unexpected("SSUBSCRIBE", *reply));
    if (--missing_ == 0) reading_();
  };
  missing_ = probe_channels_.size() + 1;
  for (const std::string& channel : probe_channels_) ask_owner("SSUBSCRIBE", channel, subscribed);
  ask_owner("SSUBSCRIBE", context_.process(), subscribed);
}

void ClusterSession::lost() {
  for (Master& master : std::exchange(masters_, {})) {
    master.commands->close("the cluster is lost");
    master.reader->close("the cluster is lost");
  }
  for (Outgoing& outgoing : std::exchange(moved_, {})) events_.try_again(host_, std::move(outgoing));
  wanted_.clear();
  publishing_ = 0;
  redirections_ = 0;
}

std::string ClusterSession::channel_of(const BusSubscription& to) const {
  return to.group.empty() ? to.channel : names_.group_channel(to.group);
}

// ---------------------------------------------------------------- slots that move

// A slot that has moved is followed to its new master.
void ClusterSession::ask_owner(std::string_view verb, const std::string& channel, Link::Answer answer, unsigned hops) {
  owner_of(channel).reader->request({verb, channel}, [this, verb = std::string(verb), channel, hops,
                                                      answer = std::move(answer)](const Result<Reply>& reply) mutable {
    if (!reply || !reply->is_error("MOVED")) {
      answer(reply);
      return lose_if_down(reply);
    }
    if (hops == most_hops) return node_.lose(unexpected("cluster: " + channel, *reply));
    follow(*reply);
    if (!masters_.empty()) ask_owner(verb, channel, std::move(answer), hops + 1);
  });
}

// An unknown master: starts over with a new map.
void ClusterSession::follow(const Reply& moved) {
  if (map_->move(moved)) return;
  const Error error = unexpected("cluster", moved);
  node_.lose(error);
  events_.unsettled(host_, error);
}

// Redis ended the subscription. Messages are missed until it is made again.
void ClusterSession::moved_away(const std::string& channel) {
  const auto unsettled = [this] {
    events_.unsettled(host_, Error(ErrorCode::layer_unavailable, "Redis Cluster: slots move, and channels with them"));
  };
  if (!is_wanted(channel)) return;
  unsettled();
  ask_owner("SSUBSCRIBE", channel, [unsettled](const Result<Reply>& reply) {
    if (reply && !reply->is_error()) unsettled();  // from now on no message is missed
  });
}

bool ClusterSession::is_wanted(const std::string& channel) const {
  if (channel.starts_with(context_.process())) return true;
  return wanted_.contains(channel);
}

// No master serves the slot now, or it moves between two.
void ClusterSession::lose_if_down(const Result<Reply>& reply) {
  if (!reply || !reply->is_error()) return;
  if (reply->is_error("CLUSTERDOWN") || reply->is_error("ASK")) node_.lose(unexpected("cluster", *reply));
}

// ---------------------------------------------------------------- reading

void ClusterSession::join(const BusSubscription& to, Link::Answer answer) {
  const std::string channel = channel_of(to);
  wanted_.insert(channel);
  ask_owner("SSUBSCRIBE", channel, std::move(answer));
}

void ClusterSession::leave(const BusSubscription& to, Link::Answer answer) {
  const std::string channel = channel_of(to);
  wanted_.erase(channel);
  ask_owner("SUNSUBSCRIBE", channel, std::move(answer));
}

void ClusterSession::mark(Link::Answer answer) {
  const auto missing = std::make_shared<std::size_t>(masters_.size());
  const auto last = std::make_shared<Link::Answer>(std::move(answer));
  for (Master& master : masters_) {
    master.reader->request({"PING"}, [missing, last](const Result<Reply>& reply) {
      if (--*missing == 0) (*last)(reply);
    });
  }
}

void ClusterSession::arrived(const Reply& push) {
  const std::string& channel = push.elements[1].text;
  if (push.elements.front().text != "smessage") return moved_away(channel);
  const std::string& message = push.elements.back().text;
  if (channel.starts_with(context_.process()) && channel != context_.process()) {
    const auto ticket = whole_number<std::uint64_t>(message).value_or(0);
    if (ticket == probe_ticket_ && probes_missing_ > 0 && --probes_missing_ == 0) events_.probe_arrived(host_, ticket);
    return;
  }
  if (EchoProof& proof = events_.proof(host_); proof.awaits_echo()) proof.received(message);
  const auto incoming = context_.read(message);
  if (!incoming) return;
  BusEvents& layer = events_.layer();
  if (const auto group = names_.group_of(channel); !group.empty()) {
    layer.received(BusTarget::group, group, incoming->event);
  } else if (channel != context_.process()) {
    layer.received(BusTarget::channel, channel, incoming->event);
  } else {
    for (const std::string& consumer : incoming->channels) {
      if (!consumer.starts_with(context_.process())) {  // the sender chose the name: it may be no consumer's of ours
        count(context_.counters().no_channel);
        continue;
      }
      layer.received(BusTarget::channel, consumer, incoming->event);
    }
  }
}

// ---------------------------------------------------------------- proof

void ClusterSession::probe(std::uint64_t ticket, Link::Answer answer) {
  probe_ticket_ = ticket;
  probes_unanswered_ = probes_missing_ = probe_channels_.size();
  const auto all = std::make_shared<Link::Answer>(std::move(answer));
  for (const std::string& channel : probe_channels_) {
    probe_one(channel, ticket, [this, ticket, all](const Result<Reply>& reply) {
      if (!reply || ticket != probe_ticket_) return;
      if (!reply->is_error() && --probes_unanswered_ > 0) return;
      (*all)(reply);
      if (!reply->is_error()) probes_accepted(ticket);
    });
  }
}

void ClusterSession::probe_one(const std::string& channel, std::uint64_t ticket, Link::Answer answer, unsigned hops) {
  owner_of(channel).commands->request(
      {"SPUBLISH", channel, std::to_string(ticket)},
      [this, channel, ticket, hops, answer = std::move(answer)](const Result<Reply>& reply) mutable {
        if (!reply || !reply->is_error("MOVED") || hops == most_hops) {
          answer(reply);
          return lose_if_down(reply);
        }
        follow(*reply);
        if (!masters_.empty()) probe_one(channel, ticket, std::move(answer), hops + 1);
      });
}

// Sent behind the probes, so that the readers' answers are behind their data.
void ClusterSession::probes_accepted(std::uint64_t ticket) {
  if (masters_.empty()) return;
  mark([this, ticket](const Result<Reply>& reply) {
    if (reply) events_.proof(host_).caught_up(ticket);
  });
}

bool ClusterSession::is_behind() const {
  return std::ranges::any_of(masters_,
                             [this](const Master& master) { return is_behind_now(*master.reader, context_); });
}

// ---------------------------------------------------------------- publishing

bool ClusterSession::has_room() const {
  return moved_.empty() &&
         std::ranges::all_of(masters_, [](const Master& master) { return master.commands->has_room(); });
}

// The process of a consumer's channel, whose name is a prefix of it; empty for a plain channel.
std::string_view ClusterSession::process_of(std::string_view channel) const {
  const std::size_t length = context_.process().size();
  const std::string_view begin = std::string_view(context_.process()).substr(0, length - process_digits);
  if (channel.size() <= length || !channel.starts_with(begin)) return {};
  return channel.substr(0, length);
}

void ClusterSession::publish(Outgoing outgoing) {
  const BusMessage& message = *outgoing.message;
  const std::string_view process = message.to == BusTarget::group ? "" : process_of(message.name);
  const std::string channel = message.to == BusTarget::group ? names_.group_channel(message.name)
                              : process.empty()              ? message.name
                                                             : std::string(process);
  const std::string payload = context_.serializer().message(
      message.body, process.empty() ? Addressing::none : Addressing::one,
      std::span<const std::string>(&message.name, 1), static_cast<std::int64_t>(context_.unix_time()));
  EchoProof& proof = events_.proof(host_);
  const bool comes_back = message.to == BusTarget::group && proof.wants_echo() && is_wanted(channel);
  const std::uint64_t watched = comes_back ? proof.watch(payload) : 0;
  ++publishing_;
  owner_of(channel).commands->request({"SPUBLISH", channel, payload},
                                      [this, watched, outgoing = std::move(outgoing)](const Result<Reply>& reply) {
                                        published(outgoing, reply, watched);
                                      });
}

void ClusterSession::published(const Outgoing& outgoing, const Result<Reply>& reply, std::uint64_t watched) {
  if (publishing_ > 0) --publishing_;
  if (reply && reply->is_error()) events_.proof(host_).refused(watched);
  if (reply && !reply->is_error()) events_.proof(host_).accepted(watched);
  if (reply && reply->is_error("MOVED")) {  // nothing was done
    moved_.push_back(outgoing);
    follow(*reply);
  } else {
    take_receipt(*outgoing.message, reply, context_);
    if (reply) redirections_ = 0;
    lose_if_down(reply);
  }
  publish_moved();
  events_.answered(host_);
}

// Sent once no other message is on its way, so that the order is kept.
void ClusterSession::publish_moved() {
  if (publishing_ > 0 || moved_.empty()) return;
  if (++redirections_ > most_hops) {
    return node_.lose(Error(ErrorCode::layer_unavailable, "Redis Cluster: its masters refer to each other"));
  }
  for (Outgoing& outgoing : std::exchange(moved_, {})) publish(std::move(outgoing));
}

}  // namespace sluice::SLUICE_ABI::redis
