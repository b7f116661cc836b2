// SPDX-License-Identifier: MIT
#include "redis/bus/redis_bus.hpp"

#include <fmt/format.h>

#include <utility>

#include "sluice/core/log.hpp"

namespace sluice::SLUICE_ABI::redis {
namespace {

Error closed() { return Error(ErrorCode::layer_unavailable, "the layer is closed"); }

}  // namespace

RedisBus::RedisBus(std::shared_ptr<RedisContext> context, RedisBusParts parts)
    : context_(std::move(context)),
      parts_(std::move(parts)),
      hosts_(context_->hosts()),
      here_(std::make_shared<RedisBus*>(this)) {
  for (std::size_t number = 0; number < hosts_.size(); ++number) {
    hosts_[number].node = std::make_shared<Node>(
        context_->dialer(), context_->executor(), context_->options().hosts[number], context_->options(),
        Node::Events{.connected = [this, number] { connected(number); },
                     .lost = [this, number](const Error& error) { lost(number, error); }});
    context_->host(number).node = hosts_[number].node;
    hosts_[number].session = parts_.make_session(*this, number);
  }
}

RedisBus::~RedisBus() {
  here_.reset();
  ending_ = true;
  for (std::size_t number = 0; number < hosts_.size(); ++number) {
    Host& host = hosts_[number];
    host.connected = host.up = false;
    host.session->lost();
    set_up(number, false);
    host.node->stop("the layer is closed");
    host.parts.end(closed());
  }
}

void RedisBus::start(BusEvents& events, std::string) {
  events_ = &events;
  for (Host& host : hosts_) host.node->start();
  tick();
}

// ---------------------------------------------------------------- subscriptions

std::size_t RedisBus::link_of(BusTarget to, std::string_view name) {
  // A worker of channels_redis waits at one host after the other, and its senders go round in the same way (redis-wire
  //
  const bool plain = to == BusTarget::channel && name.find('!') == name.npos;
  if (plain && parts_.plain_in_turn) return context_->turn_of(name);
  return context_->host_of(parts_.place_of(to, name));
}

Link::Answer RedisBus::answer_of(const char* what, const BusSubscription& to, Done done) {
  return [this, what, group = to.group, done = std::move(done)](const Result<Reply>& reply) mutable {
    if (!reply) return;  // the host is lost
    if (!reply->is_error()) return done({});
    context_->refused(what, group, *reply);
    done(unexpected(fmt::format("{} \"{}\"", what, group), *reply));
  };
}

void RedisBus::subscribe(const BusSubscription& to, Done done) {
  hosts_[link_of(to.target(), to.name())].session->join(to, answer_of("group_add", to, std::move(done)));
}

void RedisBus::unsubscribe(const BusSubscription& to, Done done) {
  hosts_[link_of(to.target(), to.name())].session->leave(to, answer_of("group_discard", to, std::move(done)));
}

void RedisBus::subscribe_each_channel() {
  if (std::exchange(each_channel_, true)) return;
  log(LogLevel::info, "Redis layer: a pattern is refused, so each consumer's channel is a subscription of its own");
  events_->subscribe_each_channel();
}

// ---------------------------------------------------------------- publishing

Bus::Encode RedisBus::encoder() const {
  return [context = context_](const Event& event) { return context->serializer().body(event); };
}

bool RedisBus::publish(std::shared_ptr<BusMessage> message) {
  Host& host = hosts_[message->link];
  if (!host.parts.empty() || !host.session->has_room()) return false;
  host.published = true;
  host.session->publish(Outgoing{std::move(message)});
  return true;
}

void RedisBus::hand_over(std::size_t number, Outgoing part) {
  if (ending_) return part.message->failed(closed());
  hosts_[number].parts.put(std::move(part));
  publish_parts(number);
}

void RedisBus::try_again(std::size_t number, Outgoing outgoing) {
  if (ending_) return outgoing.message->failed(closed());
  const bool is_part = outgoing.message->to == BusTarget::group && !outgoing.targets.empty();
  if (is_part) return hosts_[number].parts.put_back(std::move(outgoing));
  events_->not_sent(number, std::move(outgoing.message));
}

void RedisBus::publish_parts(std::size_t number) {
  Host& host = hosts_[number];
  while (host.up && host.session->has_room()) {
    drop_expired(host);
    if (host.parts.empty()) return;
    host.published = true;
    host.session->publish(host.parts.take());
  }
}

void RedisBus::drop_expired(Host& host) {
  const auto now = executor().now();
  if (!host.parts.is_expired(now)) return;
  const Error error(ErrorCode::layer_unavailable, "Redis was down for longer than the event's expiry");
  count(context_->counters().expired_waiting, host.parts.drop_expired(now, error));
}

void RedisBus::answered(std::size_t number) {
  if (ending_) return;
  publish_parts(number);
  events_->writable(number);
}

// ---------------------------------------------------------------- the end

// Called once for all hosts: sends the last commands, and ends when they are answered.
void RedisBus::close(Function<void()> done) {
  struct Last {
    std::size_t missing = 1;
    Function<void()> done;
  };
  const auto last = std::make_shared<Last>();
  last->done = std::move(done);
  const auto one_done = [last] {
    if (--last->missing == 0) last->done();
  };
  for (Host& host : hosts_) {
    if (!host.up) continue;
    ++last->missing;
    host.session->leave_host([one_done](const Result<Reply>&) { one_done(); });
  }
  one_done();
}

}  // namespace sluice::SLUICE_ABI::redis
