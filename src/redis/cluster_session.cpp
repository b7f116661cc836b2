// SPDX-License-Identifier: MIT
#include "redis/cluster_session.hpp"

#include <algorithm>
#include <utility>

#include "layer/hub.hpp"
#include "redis/node.hpp"

namespace sluice::redis {
ClusterSession::ClusterSession(BusHome& home, Node& node, std::size_t shard)
    : home_(home), node_(node), shard_(shard), names_(home.options().prefix) {}

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
  for (const Endpoint& master : map_->masters()) {
    masters_.push_back({node_.connect_to(master, [this] { one_ready(); }),
                        node_.connect_to(
                            master, [this] { one_ready(); }, [this](const Reply& push) { arrived(push); })});
  }
}

// All masters are there. What is sent to consumers of this process comes through one channel.
void ClusterSession::one_ready() {
  if (--missing_ > 0) return;
  reader_of(home_.process()).request({"SSUBSCRIBE", home_.process()}, [this](const Result<Reply>& reply) {
    if (!reply) return;
    reply->is_error() ? node_.lose(unexpected("SSUBSCRIBE", *reply)) : reading_();
  });
}

void ClusterSession::lost() {
  for (Master& master : std::exchange(masters_, {})) {
    master.commands->close("the cluster is lost");
    master.reader->close("the cluster is lost");
  }
}

std::string ClusterSession::channel_of(const Membership& membership) const {
  return membership.group.empty() ? membership.plain_channel : names_.group_channel(membership.group);
}

void ClusterSession::join(const Membership& membership, Link::Answer answer) {
  const std::string channel = channel_of(membership);
  reader_of(channel).request({"SSUBSCRIBE", channel},
                             [this, answer = std::move(answer)](const Result<Reply>& reply) mutable {
                               answer(reply);
                               lose_if_moved(reply);
                             });
}

void ClusterSession::leave(const Membership& membership, Link::Answer answer) {
  const std::string channel = channel_of(membership);
  reader_of(channel).request({"SUNSUBSCRIBE", channel}, std::move(answer));
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

// A slot has another master now: whoever said so knows more than our map.
void ClusterSession::lose_if_moved(const Result<Reply>& reply) {
  if (!reply || !reply->is_error()) return;
  if (reply->is_error("MOVED") || reply->is_error("CLUSTERDOWN") || reply->is_error("ASK")) {
    node_.lose(unexpected("cluster", *reply));
  }
}

void ClusterSession::arrived(const Reply& push) {
  if (push.elements.front().text != "smessage") {
    return node_.lose(Error(ErrorCode::layer_unavailable, "Redis Cluster: a slot has moved, and its channels with it"));
  }
  const std::string& channel = push.elements[1].text;
  auto arrival = home_.read(push.elements.back().text);
  if (!arrival) return;
  Hub& hub = home_.hub();
  if (const auto group = names_.group_of(channel); !group.empty()) {
    hub.deliver_to_group(group, arrival->event);
  } else if (channel != home_.process()) {
    hub.deliver_to_plain_channel(channel, std::move(arrival->event));
  } else {
    for (const std::string& consumer : arrival->channels) hub.deliver_to_channel(consumer, arrival->event);
  }
}

bool ClusterSession::has_room() const {
  return std::ranges::all_of(masters_, [](const Master& master) { return master.commands->has_room(); });
}

// The process that a consumer's channel belongs to, whose name is longer than that; empty for a plain channel.
std::string_view ClusterSession::process_of(std::string_view channel) const {
  const std::size_t length = home_.process().size();
  const std::string_view begin = std::string_view(home_.process()).substr(0, length - process_digits);
  if (channel.size() <= length || !channel.starts_with(begin)) return {};
  return channel.substr(0, length);
}

void ClusterSession::publish(Outgoing outgoing) {
  const Publication& publication = *outgoing.publication;
  const std::string_view process = publication.to == Publication::To::group ? "" : process_of(publication.name);
  const std::string channel = publication.to == Publication::To::group ? names_.group_channel(publication.name)
                              : process.empty()                        ? publication.name
                                                                       : std::string(process);
  const std::string payload = home_.serializer().message(
      publication.body, process.empty() ? Addressing::none : Addressing::one,
      std::span<const std::string>(&publication.name, 1), static_cast<std::int64_t>(home_.unix_time()));
  masters_[map_->master_of(channel)].commands->request(
      {"SPUBLISH", channel, payload}, [this, outgoing = std::move(outgoing)](const Result<Reply>& reply) mutable {
        if (reply && reply->is_error("MOVED")) {  // nothing was done: it goes to the right one
          home_.try_again(shard_, std::move(outgoing));
        } else {
          take_receipt(*outgoing.publication, reply, home_.counters());
        }
        lose_if_moved(reply);
        home_.answered(shard_);
      });
}

}  // namespace sluice::redis
