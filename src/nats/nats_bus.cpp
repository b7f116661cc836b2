// SPDX-License-Identifier: MIT
#include "nats/nats_bus.hpp"

#include <utility>

namespace sluice::nats {
namespace {

// More is not handed to the connection before the server has answered some of it.
constexpr std::size_t most_unanswered_bytes = 1024 * 1024;
constexpr std::size_t most_unanswered = 4096;

}  // namespace

NatsBus::NatsBus(Executor& executor, const NatsOptions& options, std::shared_ptr<NatsCounters> counters)
    : executor_(executor),
      subjects_(options.prefix),
      counters_(std::move(counters)),
      connection_(NatsConnection::open(options, executor, *this, counters_)) {}

NatsBus::~NatsBus() { connection_->close(); }

void NatsBus::start(BusEvents& events, std::string channel_prefix) {
  events_ = &events;
  process_ = subjects_.of(BusTarget::channel, channel_prefix) + '*';
  connection_->connect();
}

// The link is up once the subscription for all channels of this process stands.
void NatsBus::connected(std::size_t max_payload) {
  max_payload_ = max_payload;
  pending_.push_back(
      {connection_->add(NatsConnection::Kind::subscribe, process_), nullptr, [this](const Result<void>&) {
         up_ = true;
         events_->up(0);
       }});
}

// One reader of a plain channel receives an event, wherever the readers are.
void NatsBus::subscribe(const BusSubscription& to, Done done) {
  using Kind = NatsConnection::Kind;
  const Kind kind = to.group.empty() ? Kind::subscribe_shared : Kind::subscribe;
  pending_.push_back({connection_->add(kind, subjects_.of(to)), nullptr, std::move(done)});
}

void NatsBus::unsubscribe(const BusSubscription& to, Done done) {
  const auto number = connection_->add(NatsConnection::Kind::unsubscribe, subjects_.of(to));
  pending_.push_back({number, nullptr, std::move(done)});
}

bool NatsBus::publish(std::shared_ptr<BusMessage> message) {
  if (unanswered_bytes_ >= most_unanswered_bytes || pending_.size() >= most_unanswered) return false;
  const std::string& body = message->body.bytes;
  if (body.size() > max_payload_) {
    counters_->rejected.fetch_add(1, std::memory_order_relaxed);
    message->failed({ErrorCode::limit_exceeded, "NATS layer: an event is larger than the server's max_payload"});
    return true;
  }
  const auto number = connection_->add(NatsConnection::Kind::publish, subjects_.of(message->to, message->name), body);
  unanswered_bytes_ += body.size();
  pending_.push_back({number, std::move(message), {}});
  return true;
}

// NATS does not report how many subscriptions a message has reached: the server is the place that took it.
void NatsBus::answered(std::uint64_t number) {
  bool published = false;
  while (!pending_.empty() && pending_.front().number <= number) {
    Pending done = std::move(pending_.front());
    pending_.pop_front();
    if (done.message) {
      published = true;
      unanswered_bytes_ -= done.message->body.bytes.size();
      done.message->reached(1);
    } else if (done.done) {
      done.done(Result<void>());
    }
  }
  if (published) events_->writable(0);
}

void NatsBus::lost(const Error& error, std::uint64_t handed) {
  unanswered_bytes_ = 0;
  for (Pending& pending : std::exchange(pending_, {})) {
    if (!pending.message) continue;
    if (pending.number > handed) {
      events_->not_sent(0, std::move(pending.message));
    } else {
      counters_->unconfirmed.fetch_add(1, std::memory_order_relaxed);
      pending.message->failed(error);
    }
  }
  if (std::exchange(up_, false)) events_->down(0, error);
  connection_->connect();
}

void NatsBus::received(NatsMessage message) {
  received_.push_back(std::move(message));
  if (!pauses_) deliver();
}

void NatsBus::deliver() {
  while (!received_.empty()) {
    if (!events_->has_room()) {
      pauses_ = true;
      return events_->when_room([this] {
        pauses_ = false;
        deliver();
      });
    }
    const NatsMessage next = std::move(received_.front());
    received_.pop_front();
    connection_->release(next.memory());
    const auto place = subjects_.read(next.subject);
    const auto event = Event::parse(next.body);
    if (place && event) {
      events_->received(place->first, place->second, *event);
    } else {
      counters_->unreadable.fetch_add(1, std::memory_order_relaxed);
    }
  }
}

// The subscriptions end with the connection.
void NatsBus::close(Function<void()> done) { done(); }

}  // namespace sluice::nats
