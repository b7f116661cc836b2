// SPDX-License-Identifier: MIT
// A consumer tested without network, threads or sleeping: the chat room of 02_chat_room, its clients played by hand.
#include <fmt/format.h>

#include "02_chat_room/chat.hpp"
#include "sluice/consumer/router.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/testing/communicator.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "support/options.hpp"

using sluice::testing::Communicator;

namespace {

/// A server with chat rooms. Nothing in it happens by itself: what is said to it runs the executor until all is done.
struct ChatServer {
  ChatServer() { routes->path("ws/chat/<slug:room>/", sluice::consumer<Chat>()); }

  sluice::testing::ManualExecutor executor;
  std::shared_ptr<sluice::Router> routes = std::make_shared<sluice::Router>();
  sluice::InMemoryChannelLayer layer{executor};
  sluice::Host host{routes, layer};
};

int failures = 0;

void expect(std::string_view what, std::string_view heard, std::string_view wanted) {
  const bool fits = heard == wanted;
  failures += fits ? 0 : 1;
  fmt::print("{}  {}\n", fits ? "ok    " : "FAILED", what);
  if (!fits) fmt::print("        wanted: {}\n        heard:  {}\n", wanted, heard);
}

void everybody_in_a_room_hears_everybody() {
  ChatServer server;
  Communicator ada(server.executor, server.host, {"/ws/chat/lobby/?name=ada"});
  Communicator ben(server.executor, server.host, {"/ws/chat/lobby/?name=ben"});
  Communicator cleo(server.executor, server.host, {"/ws/chat/kitchen/?name=cleo"});
  for (Communicator* client : {&ada, &ben, &cleo}) client->connect();

  ada.say(R"({"text":"hello"})");
  ben.hear();  // that ben joined
  expect("ben hears ada", ben.hear(), R"({"type":"said","who":"ada","text":"hello"})");
  cleo.hear();  // that cleo joined
  expect("cleo, in another room, does not", cleo.hear_nothing() ? "" : cleo.hear(), "");

  ben.disconnect();
  ada.hear(), ada.hear(), ada.hear();  // that ada joined, that ben joined, and herself
  expect("ada hears that ben left", ada.hear(), R"({"type":"left","who":"ben"})");
}

void nonsense_is_answered_and_told_to_nobody() {
  ChatServer server;
  Communicator ada(server.executor, server.host, {"/ws/chat/lobby/?name=ada"});
  Communicator ben(server.executor, server.host, {"/ws/chat/lobby/?name=ben"});
  ada.connect();
  ben.connect();
  ben.hear();

  ada.hear(), ada.hear();
  ada.say(R"({"text":7})");
  expect("ada is told what to say", ada.hear(), R"({"type":"error","detail":"say {\"text\":\"...\"}"})");
  expect("ben hears nothing", ben.hear_nothing() ? "" : ben.hear(), "");
  ada.say("no JSON");
  expect("what is no JSON ends the connection", fmt::to_string(ada.hear_close().code()), "1007");
}

void a_room_needs_a_name() {
  ChatServer server;
  Communicator ada(server.executor, server.host, {"/ws/chat/no room/"});
  expect("a path that is no room is not found", fmt::to_string(ada.connect().http_status), "404");
  expect("and left nothing behind", fmt::to_string(server.layer.stats().channels), "0");
}

}  // namespace

int main(int argc, char** argv) try {
  Options("Tests the chat room of 02_chat_room").parse(argc, argv);
  everybody_in_a_room_hears_everybody();
  nonsense_is_answered_and_told_to_nobody();
  a_room_needs_a_name();
  return failures == 0 ? 0 : 1;
} catch (const std::exception& error) {
  fmt::print(stderr, "06_testing_a_consumer: {}\n", error.what());
  return 1;
}
