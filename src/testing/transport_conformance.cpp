// SPDX-License-Identifier: MIT
#include "sluice/testing/transport_conformance.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>

#include "testing/transport_probe.hpp"

namespace sluice::SLUICE_ABI::testing {
namespace {

using namespace std::chrono_literals;

constexpr int small_buffer = 4096;

// A gateway, the transport, and what a check has found.
struct World {
  explicit World(const TransportFactory& factory) : start(factory) {}

  void serve() { transport = start(gateway, limits); }
  std::uint16_t port() const { return transport->port(); }
  /// Notes what was found where something else was expected.
  void expect(std::string_view what, const std::string& found, std::string_view expected) {
    if (found == expected || !failure.empty()) return;
    failure = std::string(what) + ": \"" + found + "\", expected \"" + std::string(expected) + "\"";
  }
  void expect(std::string_view what, bool holds) {
    if (!holds && failure.empty()) failure = std::string(what) + "; the gateway has seen: " + gateway.lines();
  }
  /// The connection's executor runs jobs so often that a transport has done what it was going to do.
  void pass_turns(const std::string& path) {
    for (int i = 0; i < 50; ++i) gateway.with(path, [](ProbeEvents&) {});
  }
  void expect_open(const std::string& answer) { expect("the answer to the handshake", answer.substr(9, 3), "101"); }

  const TransportFactory& start;
  ProbeGateway gateway;
  ServerLimits limits;
  std::string failure;
  std::unique_ptr<ServedTransport> transport;
};

template <void (*check)(World&)>
std::string run(const TransportFactory& start) try {
  World world(start);
  check(world);
  if (world.transport) {
    world.transport->stop(CloseReason(close_code::going_away));
    world.transport->wait();
    world.transport.reset();
  }
  const std::string faults = world.gateway.faults();
  return world.failure.empty() ? faults : world.failure + (faults.empty() ? "" : "; " + faults);
} catch (const std::exception& error) {
  return error.what();
}

// --- the handshake

void accepts(World& world) {
  world.gateway.when_opened = [](ProbeEvents& events) {
    const Scope& scope = events.scope();
    const std::string header(scope.header("x-probe").value_or("none"));
    const Acceptance acceptance(
        "b", {{"X-Scope", std::string(scope.path()) + " " + std::string(scope.query_string()) + " " + header + " " +
                              std::string(scope.client_address()).substr(0, 10)}});
    events.call([&](Connection& connection) { connection.accept(acceptance); });
  };
  world.serve();
  ProbeClient client(world.port());
  const std::string answer = client.open("/a%20b?c=d", "X-Probe: yes\r\nSec-WebSocket-Protocol: a, b\r\n");
  world.expect_open(answer);
  world.expect("the answer names the subprotocol", answer.find("Sec-WebSocket-Protocol: b\r\n") != answer.npos);
  world.expect("the scope has path, query, headers and the client's address: " + answer,
               answer.find("X-Scope: /a b c=d yes 127.0.0.1:\r\n") != answer.npos);
}

void denies(World& world) {
  world.gateway.when_opened = [](ProbeEvents& events) {
    events.call([](Connection& connection) { connection.deny(Denial(418, "no coffee\n")); });
  };
  world.serve();
  ProbeClient client(world.port());
  world.expect("the answer", client.open("/").substr(0, 13), "HTTP/1.1 418 ");
  world.expect("the connection ends behind the denial", client.read_to_end());
  client.leave();
  world.expect("on_closed follows with 1006", world.gateway.has("closed 1006"));
}

void keeps_bytes_behind_the_handshake(World& world) {
  world.serve();
  ProbeClient client(world.port());
  client.send(ProbeClient::upgrade_request("/") + ProbeClient::text("early") + ProbeClient::frame(0x82, "bird"));
  world.expect_open(client.read_head());
  world.expect("the first echo", client.receive(), "text early");
  world.expect("the second echo", client.receive(), "binary bird");
}

void ends_late_handshakes(World& world) {
  world.limits.handshake_time = 50ms;
  world.gateway.when_opened = [](ProbeEvents&) {};  // never decides
  world.serve();
  ProbeClient silent(world.port()), undecided(world.port());
  silent.send("GET / HTTP/1.1\r\n");
  undecided.send(ProbeClient::upgrade_request("/"));
  world.expect("a request that is not whole in time ends its connection", silent.read_to_end());
  world.expect("a handshake that nobody answers ends", undecided.read_to_end());
  undecided.leave();
  world.expect("on_closed follows with 1006", world.gateway.has("closed 1006"));
}

// --- messages

void delivers_whole_messages_in_order(World& world) {
  world.serve();
  ProbeClient client(world.port());
  world.expect_open(client.open("/"));
  client.send_bytewise(ProbeClient::text("byte by byte"));
  client.send(ProbeClient::frame(0x01, "in ") + ProbeClient::frame(0x89, "ping") + ProbeClient::frame(0x80, "two"));
  world.expect("a message whose bytes come one by one", client.receive(), "text byte by byte");
  world.expect("a ping between two fragments", client.receive(), "pong ping");
  world.expect("a fragmented message", client.receive(), "text in two");
  std::string many;
  for (int i = 0; i < 500; ++i) many += ProbeClient::text(std::to_string(i));
  client.send(many);
  for (int i = 0; i < 500; ++i) world.expect("one of many messages", client.receive(), "text " + std::to_string(i));
  const std::string large(300'000, 'x');
  client.send(ProbeClient::frame(0x82, large));
  world.expect("a large message comes back", client.receive() == "binary " + large);
}

void sends_in_order(World& world) {
  world.gateway.when_received = [](ProbeEvents& events, const Message&) {
    for (int i = 0; i < 1'000; ++i) events.say(std::to_string(i));
    Frame together = events.frames().encode(MessageKind::text, "two in");
    const Frame second = events.frames().encode(MessageKind::text, "one frame");
    const bool joined = together.extend(second);
    events.call([&](Connection& connection) {
      connection.send(together);
      if (!joined) connection.send(second);
    });
  };
  world.serve();
  ProbeClient client(world.port());
  world.expect_open(client.open("/"));
  client.send(ProbeClient::text("go"));
  for (int i = 0; i < 1'000; ++i) world.expect("one of many", client.receive(), "text " + std::to_string(i));
  const std::string first = client.receive();
  world.expect("a frame of several messages", first + ", " + client.receive(), "text two in, text one frame");
}

void pauses(World& world) {
  world.gateway.when_received = [](ProbeEvents& events, const Message&) {
    events.call([](Connection& connection) { connection.pause_reading(); });
  };
  world.serve();
  ProbeClient client(world.port());
  world.expect_open(client.open("/"));
  client.send(ProbeClient::text("1") + ProbeClient::text("2"));
  world.expect("the first message arrives", world.gateway.has("text 1"));
  client.send(ProbeClient::text("3"));
  for (const char* next : {"text 2", "text 3"}) {
    world.pass_turns("/");
    world.expect("nothing is delivered while it is paused", world.gateway.lines().find(next) == std::string::npos);
    world.gateway.with(
        "/", [](ProbeEvents& events) { events.call([](Connection& connection) { connection.resume_reading(); }); });
    world.expect("resumed, it delivers the next message", world.gateway.has(next));
  }
}

// --- clients that read slowly

void reports_drained(World& world) {
  world.serve();
  ProbeClient client(world.port(), small_buffer);
  world.expect_open(client.open("/"));
  const auto ask = [](ProbeEvents& events) {
    events.call([](Connection& connection) { connection.tell_when_drained(); });
  };
  world.gateway.with("/", ask);
  world.expect("on_drained comes soon if nothing is queued", world.gateway.has("drained"));
  const std::string piece(64 * 1024, 'x');
  std::size_t sent = 0;
  world.gateway.with("/", [&](ProbeEvents& events) {
    for (; sent < 60; ++sent) events.say(piece);
    ask(events);
  });
  world.pass_turns("/");
  std::size_t queued = 0;
  const auto measure = [&] {
    world.gateway.with("/", [&](ProbeEvents& events) {
      events.call([&](Connection& connection) { queued = connection.queued_bytes(); });
    });
  };
  measure();
  world.expect("bytes that the network does not take are counted in queued_bytes()", queued > 0);
  world.expect("on_drained waits for the client: " + world.gateway.lines(),
               !world.gateway.lines().ends_with("drained, drained"));
  for (std::size_t i = 0; i < sent; ++i)
    world.expect("a message to a slow client", client.receive() == "text " + piece);
  world.expect("on_drained comes when all is written", world.gateway.has("drained", 2));
  measure();
  world.expect("queued_bytes() is 0 then", std::to_string(queued), "0");
}

void closes_slow_clients(World& world) {
  world.gateway.limits.queued_bytes = 256 * 1024;
  world.serve();
  ProbeClient client(world.port(), small_buffer);
  world.expect_open(client.open("/"));
  std::size_t most = 0;
  const std::string piece(64 * 1024, 'x');
  for (int turn = 0; turn < 400 && world.gateway.lines().find("closed") == std::string::npos; ++turn) {
    world.gateway.with("/", [&](ProbeEvents& events) {
      events.say(piece);
      events.call([&](Connection& connection) { most = std::max(most, connection.queued_bytes()); });
    });
  }
  client.read_to_end();
  client.leave();
  world.expect("past ConsumerLimits::queued_bytes it closes with 1013", world.gateway.has("closed 1013"));
  world.expect("the queue stays below the limit and one message", most <= 256 * 1024 + 70'000);
}

// --- the end

void closes(World& world) {
  world.gateway.when_received = [](ProbeEvents& events, const Message&) {
    events.say("last");
    events.call([](Connection& connection) {
      connection.close({4001, "bye"});
      connection.close({4002, "again"});
      connection.tell_when_drained();
      connection.pause_reading();
      connection.resume_reading();
    });
    events.say("too late");
  };
  world.serve();
  ProbeClient client(world.port());
  world.expect_open(client.open("/"));
  client.send(ProbeClient::text("close"));
  world.expect("what was queued before the close", client.receive(), "text last");
  world.expect("the close", client.receive(), "close 4001 bye");
  client.send(ProbeClient::close(4001));
  world.expect("nothing follows the close", client.read_to_end());
  client.leave();
  world.expect("on_closed has this side's code", world.gateway.has("closed 4001"));
  world.expect("what it was told", world.gateway.lines(), "open /, text close, closed 4001");
}

void does_not_wait_for_an_answer(World& world) {
  world.limits.close_time = 50ms;
  world.gateway.when_received = [](ProbeEvents& events, const Message&) {
    events.call([](Connection& connection) { connection.close({}); });
  };
  world.serve();
  ProbeClient client(world.port());
  world.expect_open(client.open("/"));
  client.send(ProbeClient::text("close"));
  world.expect("the close", client.receive().substr(0, 10), "close 1000");
  world.expect("on_closed comes after close_time though the client answers nothing", world.gateway.has("closed 1000"));
}

void reports_the_clients_end(World& world) {
  world.serve();
  const auto ended = [&](const char* path, const std::string& last, std::string_view line, std::string_view answer) {
    ProbeClient client(world.port());
    world.expect_open(client.open(path));
    client.send(ProbeClient::text("before") + last);
    world.expect("a message before the end", client.receive(), "text before");
    if (!answer.empty()) world.expect("the answer to a close", client.receive().substr(0, answer.size()), answer);
    client.leave();
    world.expect(std::string("on_closed has the client's code: ") + std::string(line), world.gateway.has(line));
  };
  ended("/code", ProbeClient::close(4321, "done"), "closed 4321", "close 4321");
  ended("/no_code", ProbeClient::frame(0x88, ""), "closed 1005", "close");
  ended("/vanished", "", "closed 1006", "");
}

void closes_on_faults(World& world) {
  world.limits.message_bytes = 1'000;
  world.serve();
  const auto answer_to = [&](const std::string& bytes) {
    ProbeClient client(world.port());
    world.expect_open(client.open("/"));
    client.send(bytes);
    return client.receive().substr(0, 10);
  };
  world.expect("an unmasked frame", answer_to(std::string("\x81\x01x", 3)), "close 1002");
  world.expect("text that is not UTF-8", answer_to(ProbeClient::text("\xff")), "close 1007");
  world.expect("a message past the limit", answer_to(ProbeClient::text(std::string(1'001, 'x'))), "close 1009");
  for (const char* line : {"closed 1002", "closed 1007", "closed 1009"}) world.expect(line, world.gateway.has(line));
}

void stops(World& world) {
  world.gateway.when_stopped = [](ProbeEvents& events, const CloseReason& reason) {
    events.say("goodbye");
    events.call([&](Connection& connection) { connection.close(reason); });
  };
  world.serve();
  ProbeClient client(world.port()), answers_nothing(world.port());
  world.expect_open(client.open("/1"));
  world.expect_open(answers_nothing.open("/2"));
  world.transport->stop(CloseReason(close_code::going_away));
  world.expect("what on_stop says", client.receive(), "text goodbye");
  world.expect("then it closes", client.receive().substr(0, 10), "close 1001");
  client.send(ProbeClient::close(1001));
  client.read_to_end();
  client.leave();
  world.transport->wait();
  world.expect("wait() returns behind the last on_closed", world.gateway.has("closed 1001", 2));
  world.expect("on_stop was called for each", world.gateway.has("stop 1001", 2));
  world.transport.reset();
}

constexpr std::array checks{
    TransportCheck{"an accepted handshake is answered with 101, and its scope has what the request says", run<accepts>},
    TransportCheck{"a denied handshake is answered with its status, and on_closed follows with 1006", run<denies>},
    TransportCheck{"bytes behind the handshake are not lost", run<keeps_bytes_behind_the_handshake>},
    TransportCheck{"handshakes that are late end after handshake_time", run<ends_late_handshakes>},
    TransportCheck{"messages arrive whole and in order, and pings are answered", run<delivers_whole_messages_in_order>},
    TransportCheck{"what is sent arrives whole and in order", run<sends_in_order>},
    TransportCheck{"a paused connection delivers nothing until it is resumed", run<pauses>},
    TransportCheck{"on_drained comes once, when all is written", run<reports_drained>},
    TransportCheck{"a client that reads nothing is closed with 1013, and its queue is bounded",
                   run<closes_slow_clients>},
    TransportCheck{"a close goes behind what is queued, and nothing follows it", run<closes>},
    TransportCheck{"a close that the client does not answer ends after close_time", run<does_not_wait_for_an_answer>},
    TransportCheck{"on_closed has the code of the client: its own, 1005 for none, 1006 without a close",
                   run<reports_the_clients_end>},
    TransportCheck{"frames against the protocol and messages past the limit close with their code",
                   run<closes_on_faults>},
    TransportCheck{"stopping calls on_stop, lets it say something, and ends all connections", run<stops>},
};

}  // namespace

std::span<const TransportCheck> transport_checks() noexcept { return checks; }

}  // namespace sluice::SLUICE_ABI::testing
