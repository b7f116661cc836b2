// SPDX-License-Identifier: MIT
// What it costs to bring one client message to a handler: plain function, coroutine, JSON, beside a virtual call
#include <fmt/format.h>

#include <memory>

#include "sluice/consumer/host.hpp"
#include "sluice/consumer/json_consumer.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "support.hpp"

namespace {

using namespace sluice;

std::size_t heard = 0;

// A connection that swallows everything: what is left is the way from on_message to the handler.
class NullConnection : public Connection {
 public:
  void accept(const Acceptance&) override {}
  void deny(const Denial&) override {}
  void send(const Frame& frame) override { sent += frame.size(); }
  void close(const CloseReason&) override {}
  void pause_reading() override {}
  void resume_reading() override {}
  std::size_t queued_bytes() const noexcept override { return 0; }
  std::size_t sent = 0;
};

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
  testing::ManualExecutor executor;
  Host host(consumer<C>());
  const auto connection = std::make_shared<NullConnection>();
  const auto events = host.open(Scope(), connection, executor);
  executor.run_all();
  double result = 0;
  executor.run([&] {
    result = bench::nanoseconds_per(messages, [&] {
      for (std::size_t i = 0; i < messages; ++i) events->on_message(Message::text(std::string(text)));
    });
  });
  executor.run([&] { events->on_closed(CloseReason()); });
  executor.run_all();
  return result;
}

// What must be paid in any case: a message is made, and handed through one virtual call.
struct Sink : ConnectionEvents {
  void on_message(Message message) override { heard += message.data().size(); }
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
