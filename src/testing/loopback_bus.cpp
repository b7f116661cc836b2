// SPDX-License-Identifier: MIT
#include "sluice/testing/loopback_bus.hpp"

#include <deque>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice::SLUICE_ABI::testing {
namespace {

Error cut_error() { return Error(ErrorCode::layer_unavailable, "the loopback is cut"); }

// The broker's view of a bus. events: its executor only. The rest: under the broker's lock.
struct Port {
  explicit Port(Executor& executor) : executor(executor) {}

  Executor& executor;
  BusEvents* events = nullptr;  // null: not started, or ended
  std::string channel_prefix;
  bool connected = false;
  std::set<std::string> subscriptions;
  std::deque<std::shared_ptr<BusMessage>> held;

  bool wants(const std::string& topic) const {
    return connected && (subscriptions.contains(topic) || topic.starts_with('c' + channel_prefix));
  }
};

std::string topic_of(BusTarget to, const std::string& name) { return (to == BusTarget::group ? 'g' : 'c') + name; }
std::string topic_of(const BusSubscription& to) {
  return to.channel.empty() ? topic_of(BusTarget::group, to.group) : topic_of(BusTarget::channel, to.channel);
}

template <class F>
void notify(const std::shared_ptr<Port>& port, F call) {
  port->executor.post([port, call = std::move(call)] {
    if (port->events) call(*port->events);
  });
}

}  // namespace

class LoopbackBroker::State {
 public:
  void add(const std::shared_ptr<Port>& port) {
    std::lock_guard lock(mutex_);
    ports_.push_back(port);
    if (!cut_) connect(port);
  }
  void remove(const std::shared_ptr<Port>& port) {
    std::lock_guard lock(mutex_);
    std::erase(ports_, port);
    for (const auto& message : std::exchange(port->held, {})) message->failed(cut_error());
  }
  /// An Error: refused. False: the link is lost.
  Result<bool> subscribe(Port& port, const BusSubscription& to, bool wanted) {
    std::lock_guard lock(mutex_);
    if (!port.connected) return false;
    if (fails() || (wanted && refuses_)) return Error(ErrorCode::refused, "the loopback refuses " + topic_of(to));
    wanted ? (void)port.subscriptions.insert(topic_of(to)) : (void)port.subscriptions.erase(topic_of(to));
    return true;
  }
  /// False: the link is lost, and nothing was sent.
  bool publish(Port& port, const std::shared_ptr<BusMessage>& message) {
    std::lock_guard lock(mutex_);
    if (!port.connected) return false;
    if (fails()) {
      message->failed(Error(ErrorCode::refused, "the loopback refuses a message"));
    } else if (dropping_ > 0) {
      --dropping_;
      message->reached(0);
    } else if (holding_) {
      port.held.push_back(message);
    } else {
      deliver(*message);
    }
    return true;
  }

  // Each bus is notified first: if there is no memory for that, a second call does the rest.
  void set_cut(bool cut) {
    std::lock_guard lock(mutex_);
    cut_ = cut;
    for (const auto& port : ports_) {
      if (port->connected != cut) continue;
      if (!cut) {
        connect(port);
        continue;
      }
      notify(port, [](BusEvents& events) { events.down(0, cut_error()); });
      port->connected = false;
      port->subscriptions.clear();
      for (const auto& message : std::exchange(port->held, {})) message->failed(cut_error());
    }
  }
  void set_holding(bool holding) {
    std::lock_guard lock(mutex_);
    holding_ = holding;
    if (holding) return;
    for (const auto& port : ports_) {
      for (const auto& message : std::exchange(port->held, {})) deliver(*message);
      notify(port, [](BusEvents& events) { events.writable(0); });
    }
  }
  void drop(std::size_t messages) {
    std::lock_guard lock(mutex_);
    dropping_ = messages;
  }
  void refuse(bool refuse) {
    std::lock_guard lock(mutex_);
    refuses_ = refuse;
  }
  void fail_every(std::size_t nth) {
    std::lock_guard lock(mutex_);
    fail_every_ = nth;
    calls_ = 0;
  }
  std::size_t subscriptions() {
    std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const auto& port : ports_) count += port->subscriptions.size();
    return count;
  }

 private:
  bool fails() noexcept { return fail_every_ > 0 && ++calls_ % fail_every_ == 0; }
  void connect(const std::shared_ptr<Port>& port) {
    notify(port, [](BusEvents& events) { events.up(0); });
    port->connected = true;
  }
  void deliver(BusMessage& message) {
    const std::string topic = topic_of(message.to, message.name);
    const auto event = Event::parse(message.body.bytes);
    message.reached(0);
    for (const auto& port : ports_) {
      if (!event || !port->wants(topic)) continue;
      notify(port, [to = message.to, name = message.name, event = *event](BusEvents& events) {
        events.received(to, name, event);
      });
      message.reached(1);
    }
  }

  std::mutex mutex_;
  std::vector<std::shared_ptr<Port>> ports_;
  bool cut_ = false, holding_ = false, refuses_ = false;
  std::size_t dropping_ = 0, fail_every_ = 0, calls_ = 0;
};

namespace {

template <class State>
class LoopbackBus final : public Bus {
 public:
  LoopbackBus(std::shared_ptr<State> state, Executor& executor)
      : state_(std::move(state)), port_(std::make_shared<Port>(executor)) {}
  ~LoopbackBus() override {
    port_->events = nullptr;
    state_->remove(port_);
  }

  Executor& executor() const noexcept override { return port_->executor; }
  void start(BusEvents& events, std::string channel_prefix) override {
    port_->events = &events;
    port_->channel_prefix = std::move(channel_prefix);
    state_->add(port_);
  }
  void subscribe(const BusSubscription& to, Done done) override { ask(to, true, std::move(done)); }
  void unsubscribe(const BusSubscription& to, Done done) override { ask(to, false, std::move(done)); }
  bool publish(std::shared_ptr<BusMessage> message) override {
    if (!state_->publish(*port_, message)) port_->events->not_sent(0, std::move(message));  // down() is on its way
    return true;
  }
  void close(Function<void()> done) override { done(); }

 private:
  void ask(const BusSubscription& to, bool wanted, Done done) {
    const auto answer = state_->subscribe(*port_, to, wanted);
    if (!answer) return done(answer.error());
    if (*answer) done({});
  }

  const std::shared_ptr<State> state_;
  const std::shared_ptr<Port> port_;
};

}  // namespace

LoopbackBroker::LoopbackBroker() : state_(std::make_shared<State>()) {}
LoopbackBroker::~LoopbackBroker() = default;

std::unique_ptr<Bus> LoopbackBroker::bus(Executor& executor) {
  return std::make_unique<LoopbackBus<State>>(state_, executor);
}

void LoopbackBroker::cut() { state_->set_cut(true); }
void LoopbackBroker::mend() { state_->set_cut(false); }
void LoopbackBroker::hold() { state_->set_holding(true); }
void LoopbackBroker::release() { state_->set_holding(false); }
void LoopbackBroker::drop(std::size_t messages) { state_->drop(messages); }
void LoopbackBroker::refuse_subscriptions(bool refuse) { state_->refuse(refuse); }
void LoopbackBroker::fail_every(std::size_t nth) { state_->fail_every(nth); }
std::size_t LoopbackBroker::subscriptions() const { return state_->subscriptions(); }

}  // namespace sluice::SLUICE_ABI::testing
