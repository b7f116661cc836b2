// SPDX-License-Identifier: MIT
#include "redis/pubsub_session.hpp"

#include <utility>

#include "layer/hub.hpp"
#include "redis/node.hpp"

namespace sluice::redis {

PubSubSession::PubSubSession(BusHome& home, Node& node, std::size_t shard)
    : home_(home), node_(node), shard_(shard), names_(home.options().prefix) {}

// All channels of this process begin alike, and are one subscription: a consumer whom nobody addresses costs nothing.
void PubSubSession::begin(Function<void()> reading) {
  reader_ = node_.connect(
      [this, reading = std::move(reading)]() mutable {
        reader_->request({"PSUBSCRIBE", home_.process() + "*"},
                         [this, reading = std::move(reading)](const Result<Reply>& reply) mutable {
                           if (!reply) return;
                           reply->is_error() ? node_.lose(unexpected("PSUBSCRIBE", *reply)) : reading();
                         });
      },
      [this](const Reply& push) { arrived(push); });
}

void PubSubSession::lost() {
  if (const auto reader = std::exchange(reader_, nullptr)) reader->close("the host is lost");
}

std::string PubSubSession::channel_of(const Membership& membership) const {
  return membership.group.empty() ? membership.plain_channel : names_.group_channel(membership.group);
}

void PubSubSession::join(const Membership& membership, Link::Answer answer) {
  reader_->request({"SUBSCRIBE", channel_of(membership)}, std::move(answer));
}

void PubSubSession::leave(const Membership& membership, Link::Answer answer) {
  reader_->request({"UNSUBSCRIBE", channel_of(membership)}, std::move(answer));
}

void PubSubSession::mark(Link::Answer answer) { reader_->request({"PING"}, std::move(answer)); }

// The subscriptions end with their connection.
void PubSubSession::say_goodbye(Link::Answer answer) { node_.commands().request({"PING"}, std::move(answer)); }

void PubSubSession::arrived(const Reply& push) {
  const std::string& channel = push.elements[push.elements.size() - 2].text;
  auto arrival = home_.read(push.elements.back().text);
  if (!arrival) return;
  Hub& hub = home_.hub();
  if (const auto group = names_.group_of(channel); !group.empty()) {
    hub.deliver_to_group(group, arrival->event);
  } else if (channel.starts_with(home_.process())) {
    hub.deliver_to_channel(channel, std::move(arrival->event));
  } else {
    hub.deliver_to_plain_channel(channel, std::move(arrival->event));
  }
}

bool PubSubSession::has_room() const { return node_.has_room(); }

void PubSubSession::publish(Outgoing outgoing) {
  const Publication& publication = *outgoing.publication;
  const bool to_group = publication.to == Publication::To::group;
  const std::string payload =
      home_.serializer().message(publication.body, Addressing::none, {}, static_cast<std::int64_t>(home_.unix_time()));
  node_.commands().request({"PUBLISH", to_group ? names_.group_channel(publication.name) : publication.name, payload},
                           [this, outgoing = std::move(outgoing)](const Result<Reply>& reply) {
                             take_receipt(*outgoing.publication, reply, home_.counters());
                             home_.answered(shard_);
                           });
}

}  // namespace sluice::redis
