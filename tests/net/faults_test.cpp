// SPDX-License-Identifier: MIT
// Every socket call of the server fails once, in every kind of conversation: one connection may suffer, nothing else.
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "net/support/faults.hpp"
#include "net/support/served.hpp"
#include "net/support/tls_client.hpp"
#include "support/catch.hpp"
#include "support/silence.hpp"

using namespace sluice;
using namespace sluice::test;
using ws::Opcode;

namespace {

constexpr int impatience = 20'000;  // milliseconds; a client that waits so long was forgotten

std::size_t open_descriptors() {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator()));
}

class Hello : public HttpHandler {
  struct Pieces : HttpBody {
    explicit Pieces(int& alive) : alive(alive) { ++alive; }
    ~Pieces() override { --alive; }
    Task<std::optional<std::string>> next() override {
      co_await Task<>();
      if (asked++ == 20) co_return std::nullopt;
      co_return std::string(20'000, 'p');
    }
    int& alive;
    int asked = 0;
  };

 public:
  int bodies = 0;  // that are alive; of the executor

  Task<HttpResponse> handle(const HttpRequest& request) override {
    if (request.path() == "/chunks") return HttpResponse::stream("text/plain", std::make_shared<Pieces>(bodies));
    if (request.path() == "/length") {
      return HttpResponse::stream("text/plain", std::make_shared<Pieces>(bodies), 400'000);
    }
    return HttpResponse(200, "hello " + request.body());
  }
};

// A server for HTTP and WebSockets, its clients, and all that they sent.
class World {
 public:
  explicit World(bool tls)
      : tls_(tls), served_(options(), {.queued_bytes = 16 << 20}), tls_port_(served_.listen(certificate())) {
    served_.gateway.when_said = [echo = served_.gateway.when_said](Door& door, Message message) {
      if (message.data() == "pause") return door.connection->pause_reading();
      echo(door, std::move(message));
    };
  }

  Served& served() { return served_; }
  Executor& executor() { return served_.executors.at(0); }
  std::unique_ptr<BlockingClient> connect(int receive_buffer = 0) {
    std::unique_ptr<BlockingClient> client;
    if (tls_) {
      TlsClient::Options options;
      options.receive_buffer = receive_buffer;
      client = std::make_unique<TlsClient>(tls_port_, options);
    } else {
      client = std::make_unique<BlockingClient>(served_.port, receive_buffer);
    }
    client->set_patience(impatience);
    return client;
  }
  // Bodies of responses that are alive. The executor's thread.
  int bodies() const { return hello_.bodies; }
  // How often the transcript has lines that begin so.
  auto told(std::string_view what) {
    const auto lines = served_.gateway.heard.lines();
    return std::ranges::count_if(lines, [&](const std::string& line) { return line.starts_with(what); });
  }

 private:
  static const TlsContext& certificate() {
    static const TlsContext made = [] {
      const Authority authority;
      const auto issued = authority.issue("localhost");
      return TlsContext::from_pem(issued.certificate, issued.key).value();
    }();
    return made;
  }
  AsioServerOptions options() {
    AsioServerOptions options;
    options.http = &hello_;
    options.limits.close_time = std::chrono::milliseconds(200);
    return options;
  }

  const bool tls_;
  Hello hello_;
  Served served_;
  std::uint16_t tls_port_;
};

// A client's actions, and what it then has received.
using Scene = std::function<std::string(World&)>;

std::string talk(World& world) {
  const auto client = world.connect();
  std::string heard = client->upgrade("/talk").substr(0, 12) + "\n";
  client->say("hello");
  heard += client->hear() + "\n";
  client->send(client_frame(Opcode::text, "in ", false) + client_frame(Opcode::ping, "?") +
               client_frame(Opcode::continuation, "pieces"));
  heard += client->hear() + "\n" + client->hear() + "\n";
  const std::string large(20'000, 'l');
  client->say(large);
  heard += (client->hear() == "text " + large ? "large" : "cut") + std::string("\n");
  client->send(client_close(1000, "bye"));
  heard += client->hear() + "\n" + client->hear();
  return heard;
}

std::string ask_twice(World& world) {
  const auto client = world.connect();
  std::string heard;
  client->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  heard += client->read_until("hello ").substr(0, 12) + "\n";
  client->send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n");
  heard += client->read_until("\r\n\r\n").substr(0, 12) + "\n";
  client->send("world");
  const std::string answer = client->read_to_end();
  heard += answer.substr(0, 12) + answer.substr(answer.size() - std::min<std::size_t>(answer.size(), 16));
  return heard;
}

std::string read_slowly(World& world) {
  const auto client = world.connect(4096);
  std::string heard = client->upgrade("/slow").substr(0, 12) + "\n";
  constexpr int messages = 20;
  const auto door = world.served().gateway.find("/slow");
  if (door) {
    run_on(world.executor(), [&] {
      for (int i = 0; i < messages && door->connection; ++i) door->say(std::string(20'000, 'm'));
    });
  }
  int whole = 0;
  std::string next = client->hear();
  for (; next == "text " + std::string(20'000, 'm'); next = client->hear()) {
    if (++whole == messages) client->send(client_close(1000, ""));
  }
  return heard + std::to_string(whole) + "\n" + next;
}

// With chunks, then with a length, on one connection.
std::string download(World& world) {
  const auto client = world.connect(4096);
  client->send("GET /chunks HTTP/1.1\r\nHost: x\r\n\r\nGET /length HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto shown = [](const std::string& text) {
    return std::to_string(std::ranges::count(text, 'p')) +
           text.substr(text.size() - std::min<std::size_t>(text.size(), 9)) + "\n";
  };
  std::string heard = client->read_until("\r\n\r\n").substr(0, 12) + "\n";
  heard += shown(client->read_until("\r\n0\r\n\r\n"));
  heard += client->read_until("\r\n\r\n").substr(0, 12) + "\n";
  return heard + shown(client->read_exactly(400'000));
}

std::string lie_in_wait(World& world) {
  const auto client = world.connect();
  std::string heard = client->upgrade("/pause").substr(0, 12) + "\n";
  if (heard != "HTTP/1.1 101\n") return heard;
  client->say("pause");
  client->say("unread");
  client->say("unread");
  (void)world.served().comes_to([](const ServerStats& stats) { return stats.messages_in > 0 || stats.open == 0; });
  const auto door = world.served().gateway.find("/pause");
  if (door) {
    run_on(world.executor(), [&] {
      if (door->connection) door->connection->resume_reading();
    });
  }
  heard += client->hear() + "\n";
  client->reset();
  return heard;
}

std::string hear_the_stop(World& world) {
  const auto client = world.connect();
  std::string heard = client->upgrade("/stop").substr(0, 12) + "\n";
  world.served().server.stop();
  heard += client->hear() + "\n";
  client->send(client_close(1001, ""));
  heard += client->hear();
  return heard;
}

struct NamedScene {
  const char* name;
  Scene play;
  bool stops = false;  // nobody is served after it
  bool large = false;  // too large for crumbs
};
const std::vector<NamedScene>& scenes() {
  static const std::vector<NamedScene> all = {
      {"talk", talk},
      {"ask twice", ask_twice},
      {"read slowly", read_slowly, false, true},
      {"download", download, false, true},
      {"pause", lie_in_wait},
      {"stop", hear_the_stop, true},
  };
  return all;
}

}  // namespace

TEST_CASE("whichever socket call fails, one connection suffers and nothing is lost", "[net]") {
  const Silence silence;  // of accepting that failed
  const bool tls = GENERATE(false, true);
  const int error = GENERATE(ECONNRESET, ENOBUFS);
  for (const NamedScene& scene : scenes()) {
    std::string undisturbed;
    {
      World world(tls);
      undisturbed = scene.play(world);
    }
    std::size_t failures = 0;
    for (std::uint64_t nth = 1;; ++nth) {
      const std::size_t descriptors = open_descriptors();
      std::string failed;
      {
        World world(tls);
        std::string heard;
        {
          const auto faults = Faults::nth_fails(world.executor(), nth, error);
          heard = scene.play(world);
          failed = faults.failed();
        }
        CAPTURE(tls, error, scene.name, nth, failed, heard);
        if (failed.empty()) REQUIRE(heard == undisturbed);
        REQUIRE(heard.find(nothing_came) == std::string::npos);
        if (!scene.stops) {
          const auto other = world.connect();
          REQUIRE(other->upgrade("/other").starts_with("HTTP/1.1 101"));
          other->say("and you?");
          REQUIRE(other->hear() == "text and you?");
          other->hang_up();
        }
        REQUIRE(world.served().comes_to(
            [](const ServerStats& stats) { return stats.connections == 0 && stats.open == 0; }));
        run_on(world.executor(), [&] { CHECK(world.bodies() == 0); });
        REQUIRE(world.told("open") == world.told("closed"));
      }
      CAPTURE(tls, error, scene.name, nth, failed);
      REQUIRE(open_descriptors() == descriptors);
      if (failed.empty()) break;
      ++failures;
    }
    CHECK(failures > 8);
  }
}

TEST_CASE("a conversation in crumbs, with interruptions, is the same conversation", "[net]") {
  const bool tls = GENERATE(false, true);
  const std::uint64_t seed = GENERATE(1, 2, 3);
  for (const NamedScene& scene : scenes()) {
    if (scene.large) continue;
    CAPTURE(tls, seed, scene.name);
    std::string undisturbed;
    {
      World world(tls);
      undisturbed = scene.play(world);
    }
    World world(tls);
    const auto crumbs = Faults::crumbs(world.executor(), seed);
    CHECK(scene.play(world) == undisturbed);
  }
}
