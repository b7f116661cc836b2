// SPDX-License-Identifier: MIT
// What it costs to bring one client message to a handler: plain function, coroutine, JSON, beside a virtual call
#include <fmt/format.h>

#include <memory>

#include "in_process.hpp"
#include "sluice/consumer/json_consumer.hpp"
#include "support.hpp"

namespace {

using namespace sluice;

std::size_t heard = 0;

class Plain : public Consumer {
 public:
  Task<> receive(const Message& message) override {
    heard += message.data().size();
    return {};
  }
};

class Coroutine : public Consumer {
 public:
  Task<> receive(const Message& message) override {
    heard += message.data().size();
    co_return;
  }
};

class Json : public JsonConsumer {
 public:
  Task<> receive_json(const json::Value& content) override {
    heard += static_cast<std::size_t>(content["table_id"].as_int().value_or(0));
    return {};
  }
};

class Echo : public Consumer {
 public:
  Task<> receive(const Message& message) override {
    send(message.kind(), message.data());
    return {};
  }
};

constexpr std::size_t messages = 200'000;

template <class C>
double cost(std::string_view text) {
  bench::House house(consumer<C>());
  ConnectionEvents& client = house.enter();
  return bench::nanoseconds_per(messages, [&] { house.say(client, text, messages); });
}

// What must be paid in any case: a message is made, and handed through one virtual call.
struct Sink : ConnectionEvents {
  void on_message(Message message) override { heard += message.data().size(); }
  void on_stop(const CloseReason&) override {}
  void on_closed(const CloseReason&) override {}
};

}  // namespace

int main() {
  const std::unique_ptr<ConnectionEvents> sink = std::make_unique<Sink>();
  const auto beside = [&](std::string_view text) {
    return bench::nanoseconds_per(messages, [&] {
      for (std::size_t i = 0; i < messages; ++i) sink->on_message(Message::text(std::string(text)));
    });
  };
  const std::string_view small = "hi";
  const std::string_view page = R"({"page":"table","table_id":7})";
  const double base = beside(small);
  fmt::print("one client message to its handler            ns    less a virtual call\n");
  const auto show = [](std::string_view what, double ns, double less) {
    fmt::print("  {:36} {:8.1f} {:8.1f}\n", what, ns, ns - less);
  };
  show("a virtual call with the message", base, base);
  show("plain function", cost<Plain>(small), base);
  show("coroutine that finishes at once", cost<Coroutine>(small), base);
  show("plain function that sends it back", cost<Echo>(small), base);
  const double page_base = beside(page);
  show("a virtual call with a 29-byte message", page_base, page_base);
  show("parsed as JSON, plain function", cost<Json>(page), page_base);
  bench::keep(heard);
}
