// SPDX-License-Identifier: MIT
#include "redis/pubsub_session.hpp"

#include <utility>

#include "core/whole_number.hpp"
#include "layer/hub/hub.hpp"
#include "redis/echo_proof.hpp"
#include "redis/wire/node.hpp"

namespace sluice::redis {

PubSubSession::PubSubSession(BusHome& home, Node& node, std::size_t shard)
    : home_(home), node_(node), shard_(shard), names_(home.options().prefix) {}

// All channels of this process begin alike, and are one subscription: a consumer whom nobody addresses costs nothing.
// An ACL with a prefix ("&asgi*") allows any channel of it, and no pattern but its own.
void PubSubSession::begin(Function<void()> reading) {
  reader_ = node_.connect(
      [this, reading = std::move(reading)]() mutable {
        if (refuses_patterns_) return subscribe_process(std::move(reading));
        reader_->request({"PSUBSCRIBE", home_.process() + "*"},
                         [this, reading = std::move(reading)](const Result<Reply>& reply) mutable {
                           if (!reply) return;
                           if (!reply->is_error()) return reading();
                           if (!reply->is_error("NOPERM")) return node_.lose(unexpected("PSUBSCRIBE", *reply));
                           subscribe_process(std::move(reading));
                         });
      },
      [this](const Reply& push) { arrived(push); }, [this] { pause_while_full(reader_, home_); });
}

void PubSubSession::subscribe_process(Function<void()> reading) {
  reader_->request({"SUBSCRIBE", home_.process()},
                   [this, reading = std::move(reading)](const Result<Reply>& reply) mutable {
                     if (!reply) return;
                     if (reply->is_error()) return node_.lose(unexpected("SUBSCRIBE", *reply));
                     refuses_patterns_ = true;
                     home_.subscribe_each_channel();
                     reading();
                   });
}

// Several hosts may differ in what they allow.
bool PubSubSession::is_covered(const Membership& membership) const {
  return !refuses_patterns_ && membership.group.empty() && membership.plain_channel.starts_with(home_.process());
}

void PubSubSession::lost() {
  if (const auto reader = std::exchange(reader_, nullptr)) reader->close("the host is lost");
}

std::string PubSubSession::channel_of(const Membership& membership) const {
  return membership.group.empty() ? membership.plain_channel : names_.group_channel(membership.group);
}

void PubSubSession::join(const Membership& membership, Link::Answer answer) {
  if (is_covered(membership)) return mark(std::move(answer));
  reader_->request({"SUBSCRIBE", channel_of(membership)}, std::move(answer));
}

void PubSubSession::leave(const Membership& membership, Link::Answer answer) {
  if (is_covered(membership)) return mark(std::move(answer));
  reader_->request({"UNSUBSCRIBE", channel_of(membership)}, std::move(answer));
}

void PubSubSession::mark(Link::Answer answer) { reader_->request({"PING"}, std::move(answer)); }

// The subscriptions end with their connection.
void PubSubSession::say_goodbye(Link::Answer answer) { node_.commands().request({"PING"}, std::move(answer)); }

// Behind its PUBLISH, what the reader is asked is answered behind the probe.
void PubSubSession::probe(std::uint64_t ticket, Link::Answer answer) {
  node_.commands().request({"PUBLISH", home_.process(), std::to_string(ticket)},
                           [this, ticket, answer = std::move(answer)](const Result<Reply>& reply) mutable {
                             answer(reply);
                             if (!reader_) return;
                             reader_->request({"PING"}, [this, ticket](const Result<Reply>& pong) {
                               if (pong) home_.proof(shard_).caught_up(ticket);
                             });
                           });
}

bool PubSubSession::is_behind() const { return reader_ && is_behind_now(*reader_, home_); }

bool PubSubSession::is_joined(std::string_view group) const {
  const Membership* membership = home_.memberships().find(group, {});
  return membership && membership->state == Membership::State::joined;
}

void PubSubSession::arrived(const Reply& push) {
  const std::string& channel = push.elements[push.elements.size() - 2].text;
  const std::string& message = push.elements.back().text;
  if (channel == home_.process()) {
    return home_.probe_arrived(shard_, whole_number<std::uint64_t>(message).value_or(0));
  }
  if (EchoProof& proof = home_.proof(shard_); proof.awaits_echo()) proof.received(message);
  auto arrival = home_.read(message);
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
  EchoProof& proof = home_.proof(shard_);
  const bool comes_back = to_group && proof.wants_echo() && is_joined(publication.name);
  const std::uint64_t watched = comes_back ? proof.watch(payload) : 0;
  node_.commands().request({"PUBLISH", to_group ? names_.group_channel(publication.name) : publication.name, payload},
                           [this, watched, outgoing = std::move(outgoing)](const Result<Reply>& reply) {
                             take_receipt(*outgoing.publication, reply, home_);
                             if (reply && reply->is_error()) home_.proof(shard_).refused(watched);
                             if (reply && !reply->is_error()) home_.proof(shard_).accepted(watched);
                             home_.answered(shard_);
                           });
}

}  // namespace sluice::redis
