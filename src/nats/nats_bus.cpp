// SPDX-License-Identifier: MIT
#include "nats/nats_bus.hpp"

#include <deque>
#include <utility>

#include "nats/nats_connection.hpp"
#include "nats/subjects.hpp"

namespace sluice::SLUICE_ABI::nats {
namespace {

// More is not handed to the connection before the server has answered some of it.
constexpr std::size_t most_unanswered_bytes = 1024 * 1024;
constexpr std::size_t most_unanswered = 4096;

// Groups and channels are subjects. A message ends when the server has answered behind it. Threads as for Bus.
class NatsBus final : public Bus, private NatsEvents {
 public:
  NatsBus(Executor& executor, const NatsOptions& options, std::shared_ptr<NatsCounters> counters)
      : executor_(executor),
        subjects_(options.prefix),
        counters_(std::move(counters)),
        connection_(NatsConnection::open(options, executor, *this, counters_)) {}
  ~NatsBus() override {
    connection_->close();
    for (const Pending& sent : pending_) {
      if (!sent.message) continue;
      ++counters_->unconfirmed;
      sent.message->failed({ErrorCode::layer_unavailable, {}});
    }
  }

  Executor& executor() const noexcept override { return executor_; }
  void start(BusEvents& events, std::string channel_prefix) override {
    events_ = &events;
    own_ = subjects_.of(BusTarget::channel, channel_prefix);
    connection_->connect(own_);
  }
  // One reader of a plain channel receives an event, wherever the readers are.
  void subscribe(const BusSubscription& to, Done done) override {
    add(to.group.empty() ? Kind::subscribe_shared : Kind::subscribe, subjects_.of(to), std::move(done));
  }
  void unsubscribe(const BusSubscription& to, Done done) override {
    add(Kind::unsubscribe, subjects_.of(to), std::move(done));
  }
  bool publish(std::shared_ptr<BusMessage> message) override;
  // Waits until the server has processed the unsubscriptions: before, it may choose this process for an event of a
  // plain channel.
  void close(Function<void()> done) override {
    closed_ = std::move(done);
    if (!up_) return end();
    add(Kind::unsubscribe, own_, [this](const Result<void>&) { end(); });
  }

 private:
  using Kind = NatsConnection::Kind;
  struct Pending {
    std::uint64_t number;
    std::shared_ptr<BusMessage> message;  // null: a subscription, or the end of one
    Done done;
  };

  void add(Kind kind, std::string subject, Done done) {
    pending_.push_back({connection_->add(kind, std::move(subject)), nullptr, std::move(done)});
  }
  void connected(std::size_t max_payload) override {
    max_payload_ = max_payload;
    up_ = true;
    events_->up(0);
  }
  void answered(std::uint64_t number) override;
  void lost(const Error& error, std::uint64_t handed) override;
  void received(NatsMessage message) override {
    const std::size_t memory = message.memory();
    try {
      received_.push_back(std::move(message));
    } catch (...) {
      connection_->release(memory);
      throw;
    }
    if (!pauses_) deliver();
  }
  void deliver();
  void end() {
    if (closed_) std::exchange(closed_, {})();
  }

  Executor& executor_;
  const Subjects subjects_;
  const std::shared_ptr<NatsCounters> counters_;
  const std::shared_ptr<NatsConnection> connection_;
  BusEvents* events_ = nullptr;
  std::string own_;  // begins the subjects of this process's channels
  std::deque<Pending> pending_;
  std::deque<NatsMessage> received_;
  std::size_t unanswered_bytes_ = 0;
  std::size_t max_payload_ = 0;
  bool up_ = false;
  bool pauses_ = false;
  Function<void()> closed_;  // called when the server has answered to the end
};

bool NatsBus::publish(std::shared_ptr<BusMessage> message) {
  if (unanswered_bytes_ >= most_unanswered_bytes || pending_.size() >= most_unanswered) return false;
  const std::string& body = message->body.bytes;
  if (body.size() > max_payload_) {
    ++counters_->rejected;
    message->failed({ErrorCode::limit_exceeded, "NATS layer: an event is larger than the server's max_payload"});
    return true;
  }
  const auto number = connection_->add(Kind::publish, subjects_.of(message->to, message->name), body);
  const std::size_t bytes = body.size();
  pending_.push_back({number, std::move(message), {}});
  unanswered_bytes_ += bytes;
  return true;
}

// NATS does not report how many subscriptions a message has reached: the server is the place that took it.
void NatsBus::answered(std::uint64_t number) {
  while (!pending_.empty() && pending_.front().number <= number) {
    Pending ended = std::move(pending_.front());
    pending_.pop_front();
    if (ended.done) ended.done(Result<void>());
    if (!ended.message) continue;
    unanswered_bytes_ -= ended.message->body.bytes.size();
    ended.message->reached(1);
  }
  events_->writable(0);
}

void NatsBus::lost(const Error& error, std::uint64_t handed) {
  unanswered_bytes_ = 0;
  for (; !pending_.empty(); pending_.pop_front()) {
    const auto& [number, message, done] = pending_.front();
    if (!message) continue;
    try {
      if (number > handed) {
        events_->not_sent(0, message);
        continue;
      }
      ++counters_->unconfirmed;
      message->failed(error);
    } catch (const std::bad_alloc&) {
      message->failed({error.code(), {}});
    }
  }
  connection_->connect(own_);
  if (std::exchange(up_, false)) events_->down(0, error);
  end();
}

void NatsBus::deliver() {
  while (!received_.empty()) {
    if (!events_->has_room()) {
      events_->when_room([this] {
        pauses_ = false;
        deliver();
      });
      pauses_ = true;  // behind the call: where that throws, the next message asks again
      return;
    }
    const NatsMessage next = std::move(received_.front());
    received_.pop_front();
    connection_->release(next.memory());
    try {
      const auto place = subjects_.read(next.subject);
      const auto event = Event::parse(next.body);
      if (place && event) {
        events_->received(place->first, place->second, *event);
      } else {
        ++counters_->unreadable;
      }
    } catch (const std::bad_alloc&) {
      events_->missed({ErrorCode::io_failed, "no memory"});
    }
  }
}

}  // namespace

std::unique_ptr<Bus> make_bus(Executor& executor, const NatsOptions& options, std::shared_ptr<NatsCounters> counters) {
  return std::make_unique<NatsBus>(executor, options, std::move(counters));
}

}  // namespace sluice::SLUICE_ABI::nats
