// SPDX-License-Identifier: MIT
// The five hot paths, each so many times: something to count instructions by, which no busy machine can change
//
// valgrind --tool=callgrind build/release/benchmarks/instructions delivery 100
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "in_process.hpp"
#include "sluice/page/core_consumer.hpp"
#include "sluice/page/page.hpp"
#include "sluice/ws/server_protocol.hpp"
#include "support.hpp"

namespace {

using namespace sluice;

constexpr std::string_view room = "room";
const std::string hundred_bytes =
    R"({"type":"rows_updated","table_id":7,"rows":[{"id":1,"order":"1.00","name":"Ada"}]})"
    "                 ";

std::size_t heard = 0;

class Listener : public Consumer {
 public:
  std::span<const std::string_view> groups() const override { return {&room, 1}; }
  Task<> receive(const Message& message) override {
    heard += message.data().size();
    return {};
  }
};

struct TableParams {
  std::int64_t table_id = 0;
  static constexpr auto fields() { return sluice::fields(field("table_id", &TableParams::table_id)); }
};

class TablePage : public Page<TableParams> {
 public:
  TablePage() : Page("table") {}
  Task<bool> can_add(const Scope&, const TableParams&) override { return true; }
  std::string group_name(const TableParams& page) const override { return "table-" + std::to_string(page.table_id); }
};

// A client's message to a plain handler.
void dispatch(std::size_t times) {
  bench::House house(consumer<Listener>());
  house.say(house.enter(), hundred_bytes, times);
}

// A broadcast to a room of 100, to the last connection's queue.
void delivery(std::size_t times) {
  bench::House house(consumer<Listener>());
  for (int i = 0; i < 100; ++i) house.enter();
  const json::Text payload(hundred_bytes);
  for (std::size_t i = 0; i < times; ++i) {
    (void)house.layer.group_send(room, Event::broadcast_to_group(payload));
    house.executor.run_all();
  }
}

// A masked text frame of 100 bytes (RFC 6455 section 5.2) to a message.
void parse(std::size_t times) {
  constexpr char key[4] = {'\x37', '\xfa', '\x21', '\x3d'};
  std::string frame{'\x81', static_cast<char>(0x80 | hundred_bytes.size())};
  frame.append(key, sizeof key);
  for (std::size_t i = 0; i < hundred_bytes.size(); ++i) frame += static_cast<char>(hundred_bytes[i] ^ key[i % 4]);
  const ServerLimits limits;
  ws::ServerProtocol protocol(limits);
  for (std::size_t i = 0; i < times; ++i) {
    std::string wire = frame;  // it is unmasked in place
    std::span<char> rest(wire);
    while (protocol.next(rest) == ws::ServerProtocol::Step::message) heard += protocol.take_message().data().size();
  }
}

void encode(std::size_t times) {
  FrameBuffer frames;
  for (std::size_t i = 0; i < times; ++i) bench::keep(frames.encode(MessageKind::text, hundred_bytes));
}

// JSON in, a page added and taken away again, JSON out.
void subscribe(std::size_t times) {
  auto pages = std::make_shared<PageRegistry>();
  if (!pages->add(std::make_shared<TablePage>())) return;
  bench::House house(consumer<CoreConsumer>(pages));
  Scope scope;
  scope.set_user(User(7));
  ConnectionEvents& client = house.enter(std::move(scope));
  for (std::size_t i = 0; i < times; ++i) {
    house.say(client, R"({"page":"table","table_id":7})");
    house.executor.run_all();
    house.say(client, R"({"remove_page":"table","table_id":7})");
    house.executor.run_all();
  }
  if (pages->stats().added != times)
    fmt::print(stderr, "only {} of {} pages were added\n", pages->stats().added, times);
}

const std::map<std::string_view, void (*)(std::size_t)> paths = {
    {"dispatch", dispatch}, {"delivery", delivery}, {"parse", parse}, {"encode", encode}, {"subscribe", subscribe}};

}  // namespace

int main(int argc, char** argv) {
  const auto path = argc == 3 ? paths.find(argv[1]) : paths.end();
  if (path == paths.end()) {
    fmt::print(stderr, "usage: instructions dispatch|delivery|parse|encode|subscribe TIMES\n");
    return 2;
  }
  const std::string_view number = argv[2];
  std::size_t times = 0;
  std::from_chars(number.data(), number.data() + number.size(), times);
  path->second(times);
  bench::keep(heard);
}
