// SPDX-License-Identifier: MIT
#include "redis/pubsub/pubsub_session.hpp"

#include <utility>

#include "core/whole_number.hpp"
#include "redis/bus/echo_proof.hpp"
#include "redis/wire/node.hpp"

namespace sluice::SLUICE_ABI::redis {

PubSubSession::PubSubSession(SessionEvents& events, std::size_t host)
    : events_(events),
      context_(events.context()),
      node_(context_.node(host)),
      host_(host),
      names_(context_.options().prefix) {}

// All channels of this process have one prefix, and are one subscription: a consumer without messages costs nothing. An
// ACL with a prefix ("&asgi*") allows any channel of it, but only its own pattern.
void PubSubSession::begin(Function<void()> reading) {
  reader_ = node_.connect(
      [this, reading = std::move(reading)]() mutable {
        if (refuses_patterns_) return subscribe_process(std::move(reading));
        reader_->request({"PSUBSCRIBE", context_.process() + "*"},
                         [this, reading = std::move(reading)](const Result<Reply>& reply) mutable {
                           if (!reply) return;
                           if (!reply->is_error()) return reading();
                           if (!reply->is_error("NOPERM")) return node_.lose(unexpected("PSUBSCRIBE", *reply));
                           subscribe_process(std::move(reading));
                         });
      },
      [this](const Reply& push) { arrived(push); }, [this] { pause_while_full(reader_, events_.layer()); });
}

void PubSubSession::subscribe_process(Function<void()> reading) {
  reader_->request({"SUBSCRIBE", context_.process()},
                   [this, reading = std::move(reading)](const Result<Reply>& reply) mutable {
                     if (!reply) return;
                     if (reply->is_error()) return node_.lose(unexpected("SUBSCRIBE", *reply));
                     refuses_patterns_ = true;
                     events_.subscribe_each_channel();
                     reading();
                   });
}

// Several hosts may differ in what they allow.
bool PubSubSession::is_covered(const BusSubscription& to) const {
  return !refuses_patterns_ && to.group.empty() && to.channel.starts_with(context_.process());
}

void PubSubSession::lost() {
  joined_.clear();
  if (const auto reader = std::exchange(reader_, nullptr)) reader->close("the host is lost");
}

std::string PubSubSession::channel_of(const BusSubscription& to) const {
  return to.group.empty() ? to.channel : names_.group_channel(to.group);
}

void PubSubSession::join(const BusSubscription& to, Link::Answer answer) {
  if (is_covered(to)) return mark(std::move(answer));
  reader_->request({"SUBSCRIBE", channel_of(to)},
                   [this, group = to.group, answer = std::move(answer)](const Result<Reply>& reply) mutable {
                     if (reply && !reply->is_error() && !group.empty()) joined_.insert(group);
                     answer(reply);
                   });
}

void PubSubSession::leave(const BusSubscription& to, Link::Answer answer) {
  if (is_covered(to)) return mark(std::move(answer));
  joined_.erase(to.group);
  reader_->request({"UNSUBSCRIBE", channel_of(to)}, std::move(answer));
}

void PubSubSession::mark(Link::Answer answer) { reader_->request({"PING"}, std::move(answer)); }

// The subscriptions end with their connection.
void PubSubSession::leave_host(Link::Answer answer) { node_.commands().request({"PING"}, std::move(answer)); }

// Sent behind the PUBLISH, so that the reader's answer is behind the probe.
void PubSubSession::probe(std::uint64_t ticket, Link::Answer answer) {
  node_.commands().request({"PUBLISH", context_.process(), std::to_string(ticket)},
                           [this, ticket, answer = std::move(answer)](const Result<Reply>& reply) mutable {
                             answer(reply);
                             if (!reader_) return;
                             reader_->request({"PING"}, [this, ticket](const Result<Reply>& pong) {
                               if (pong) events_.proof(host_).caught_up(ticket);
                             });
                           });
}

bool PubSubSession::is_behind() const { return reader_ && is_behind_now(*reader_, context_); }

bool PubSubSession::is_joined(std::string_view group) const { return joined_.contains(group); }

void PubSubSession::arrived(const Reply& push) {
  const std::string& channel = push.elements[push.elements.size() - 2].text;
  const std::string& message = push.elements.back().text;
  if (channel == context_.process()) {
    return events_.probe_arrived(host_, whole_number<std::uint64_t>(message).value_or(0));
  }
  if (EchoProof& proof = events_.proof(host_); proof.awaits_echo()) proof.received(message);
  const auto incoming = context_.read(message);
  if (!incoming) return;
  if (const auto group = names_.group_of(channel); !group.empty()) {
    events_.layer().received(BusTarget::group, group, incoming->event);
  } else {
    events_.layer().received(BusTarget::channel, channel, incoming->event);
  }
}

bool PubSubSession::has_room() const { return node_.has_room(); }

void PubSubSession::publish(Outgoing outgoing) {
  const BusMessage& message = *outgoing.message;
  const bool to_group = message.to == BusTarget::group;
  const std::string payload = context_.serializer().message(message.body, Addressing::none, {},
                                                            static_cast<std::int64_t>(context_.unix_time()));
  EchoProof& proof = events_.proof(host_);
  const bool comes_back = to_group && proof.wants_echo() && is_joined(message.name);
  const std::uint64_t watched = comes_back ? proof.watch(payload) : 0;
  node_.commands().request({"PUBLISH", to_group ? names_.group_channel(message.name) : message.name, payload},
                           [this, watched, outgoing = std::move(outgoing)](const Result<Reply>& reply) {
                             take_receipt(*outgoing.message, reply, context_);
                             if (reply && reply->is_error()) events_.proof(host_).refused(watched);
                             if (reply && !reply->is_error()) events_.proof(host_).accepted(watched);
                             events_.answered(host_);
                           });
}

}  // namespace sluice::SLUICE_ABI::redis
