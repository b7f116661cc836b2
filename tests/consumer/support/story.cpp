// SPDX-License-Identifier: MIT
#include "consumer/support/story.hpp"
#include "sluice/abi.hpp"

#include <stdexcept>

namespace sluice::SLUICE_ABI::testing {
namespace {

std::string cut(std::string& text, std::string_view separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  std::string part = text.substr(0, end);
  text.erase(0, std::min(end + separator.size(), text.size()));
  return part;
}

}  // namespace

Story::Story(HostOptions options, ChannelLayerOptions layer_options) : hub(executor, layer_options), layer(hub) {
  host = std::make_unique<Host>(consumer<Obedient>(this), layer, options);
}

Story::~Story() = default;

Communicator Story::browser(std::string_view query) {
  return Communicator(executor, *host, {"/story/?" + std::string(query)});
}

void Story::tell(std::string_view what) {
  if (!told_.empty()) told_ += "; ";
  told_ += what;
}

void Story::open(const std::string& name) {
  gates_[name].resolve({});
  executor.run_all();
}

Event Story::order(std::string_view what) {
  json::Writer out;
  out.begin_object().key("type").value("ordered").key("what").value(what).end_object();
  return Event::parse(out.view()).value();
}

void Story::publish(std::string_view group, Event event) {
  if (auto sent = hub.group_send(group, std::move(event)); !sent) throw std::logic_error(sent.error().message());
  executor.run_all();
}

bool Story::layer_is_empty() {
  executor.run_all();
  const LayerStats stats = hub.stats();
  return stats.channels == 0 && stats.groups == 0 && stats.plain_channels == 0;
}

// Marks a handler's beginning and end in the story, and handlers that overlap.
class Obedient::Inside {
 public:
  Inside(Obedient& consumer, std::string_view what) : consumer_(consumer) {
    consumer_.story_.tell(what);
    if (std::exchange(consumer_.inside_, true)) consumer_.story_.tell("OVERLAP");
  }
  Inside(const Inside&) = delete;
  void done() noexcept { done_ = true; }
  ~Inside() {
    consumer_.inside_ = false;
    if (!done_) consumer_.story_.tell("cut off");
  }

 private:
  Obedient& consumer_;
  bool done_ = false;
};

Task<> Obedient::connect() {
  Inside inside(*this, "connect");
  const std::string orders = scope().query_value("connect").value_or("accept");
  co_await obey(orders);
  inside.done();
}

Task<> Obedient::receive(const Message& message) {
  Inside inside(*this, "hear " + std::string(message.data()));
  co_await obey(std::string(message.data()));
  inside.done();
}

Task<> Obedient::ordered(const Event& event) {
  const std::string what(event.value()["what"].as_string().value_or(""));
  Inside inside(*this, "event " + what);
  co_await obey(what);
  inside.done();
}

Task<> Obedient::on_stop() {
  Inside inside(*this, "stop");
  const std::string orders = scope().query_value("stop").value_or("");
  co_await obey(orders);
  inside.done();
}

Task<> Obedient::disconnect(const CloseReason& reason) {
  Inside inside(*this, "disconnect " + to_string(Heard(reason)).substr(6));
  const std::string orders = scope().query_value("disconnect").value_or("");
  co_await obey(orders);
  inside.done();
}

const EventHandlers& Obedient::event_handlers() const {
  static const auto handlers = EventHandlers{}.on("ordered", &Obedient::ordered);
  return handlers;
}

Task<> Obedient::obey(std::string orders) {
  while (!orders.empty()) {
    std::string rest = cut(orders, "; ");
    const std::string verb = cut(rest, " ");
    co_await obey_one(verb, rest);
  }
}

Task<> Obedient::obey_one(std::string verb, std::string rest) {
  if (verb == "accept") {
    accept(Acceptance(rest));
  } else if (verb == "deny") {
    deny(Denial(std::stoi(rest)));
  } else if (verb == "close") {
    const std::string code = cut(rest, " ");
    close(code.empty() ? CloseReason() : CloseReason(static_cast<std::uint16_t>(std::stoi(code)), rest));
  } else if (verb == "send") {
    send_text(rest);
  } else if (verb == "throw") {
    throw std::runtime_error(rest);
  } else if (verb == "note") {
    story_.tell("note " + rest);
  } else if (verb == "join") {
    auto joined = co_await group_add(rest);
    story_.tell(joined ? "joined" : std::string(to_string(joined.error().code())));
  } else if (verb == "leave") {
    auto left = co_await group_discard(rest);
    story_.tell(left ? "left" : std::string(to_string(left.error().code())));
  } else if (verb == "wait") {
    auto gate = story_.gate(rest);
    co_await gate;
  } else if (verb == "publish") {
    const std::string group = cut(rest, " ");
    auto sent = layer().group_send(group, Story::broadcast(rest));
    if (!sent) story_.tell(to_string(sent.error().code()));
  } else if (verb == "connected?") {
    story_.tell(connected() ? "connected" : "not connected");
  } else if (verb == "name") {
    send_text(channel_name());
  } else {
    throw std::logic_error("no such order: " + verb);
  }
}

}  // namespace sluice::SLUICE_ABI::testing
