// SPDX-License-Identifier: MIT
// Events that throw, memory that runs out and threads that do not start: it ends one connection or one call, and the
// others are served.
#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "net/support/served.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/core/worker_pool.hpp"
#include "sluice/net/asio_dialer.hpp"
#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "support/failing_allocations.hpp"
#include "support/failing_threads.hpp"
#include "support/silence.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

using testing::FailingAllocation;
using testing::FailingElsewhere;
using testing::FailingThread;

std::size_t entries(const char* folder) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
}
// Descriptors and threads of this program.
std::size_t held_of_the_system() {
#ifdef __SANITIZE_THREAD__  // which begins threads of its own
  return entries("/proc/self/fd");
#else
  return entries("/proc/self/fd") + entries("/proc/self/task");
#endif
}

// The kernel shows a thread for a moment after it was joined.
bool comes_down_to(std::size_t held) {
  return eventually([&] { return held_of_the_system() <= held; }) && held_of_the_system() == held;
}

class Hello : public HttpHandler {
  struct Pieces : HttpBody {
    explicit Pieces(std::atomic<int>& alive) : alive(alive) { ++alive; }
    ~Pieces() override { --alive; }
    Task<std::optional<std::string>> next() override {
      if (++asked == 3) return std::optional<std::string>();
      return later();
    }
    Task<std::optional<std::string>> later() {
      Completion<std::string> piece;
      Executor::current()->post([piece] { piece.resolve(std::string(100, 'x')); });
      co_return co_await piece;
    }
    std::atomic<int>& alive;
    int asked = 0;
  };

 public:
  std::atomic<int> bodies{0};  // that are alive

  Task<HttpResponse> handle(const HttpRequest& request) override {
    if (request.path() == "/pieces") return HttpResponse::stream("text/plain", std::make_shared<Pieces>(bodies));
    return HttpResponse(200, "hello");
  }
};

// Echoes; its own notes take no memory.
struct Echo : Gateway {
  struct Door : ConnectionEvents {
    void on_message(Message message) override {
      connection->send(executor->local<FrameBuffer>().encode(message.kind(), message.data()));
    }
    void on_stop(const CloseReason& reason) override { connection->close(reason); }
    void on_closed(const CloseReason&) override {
      connection = nullptr;
      gateway->closed.fetch_add(1);
    }
    Echo* gateway = nullptr;
    std::shared_ptr<Connection> connection;
    Executor* executor = nullptr;
  };
  std::shared_ptr<ConnectionEvents> open(Scope, std::shared_ptr<Connection> connection, Executor& executor) override {
    const auto door = std::make_shared<Door>();
    door->gateway = this;
    door->executor = &executor;
    door->connection = std::move(connection);
    door->connection->accept(Acceptance());
    opened.fetch_add(1);
    return door;
  }
  const ConsumerLimits& consumer_limits() const noexcept override { return limits; }

  const ConsumerLimits limits{.disconnect_grace = 100ms};
  std::atomic<int> opened{0}, closed{0};
};

AsioServerOptions serving(Hello& hello) {
  AsioServerOptions options;
  options.http = &hello;
  options.limits.close_time = 200ms;
  return options;
}

// Executors, gateway and server, which are made and destroyed in parts.
struct Parts {
  explicit Parts(std::size_t threads)
      : executors(threads), server(std::make_unique<AsioServer>(executors, gateway, serving(hello))) {}
  std::uint16_t listen() { return server->listen("127.0.0.1", 0).value(); }
  bool comes_to(const std::function<bool(const ServerStats&)>& state) const {
    return eventually([&] { return state(server->stats()); });
  }

  Hello hello;
  Echo gateway;
  AsioExecutors executors;
  std::unique_ptr<AsioServer> server;
};

}  // namespace

TEST_CASE("events that throw end their own connection, and their executor serves the others", "[net]") {
  const Silence silence;
  Served served;
  served.gateway.when_said = [](Door& door, Message message) {
    if (message.data() == "bad") throw std::runtime_error("on_message");
    if (message.data() == "worse") throw 7;
    door.say(message.data());
  };
  served.gateway.when_stopped = [](Door&, const CloseReason&) { throw std::runtime_error("on_stop"); };
  auto good = served.connect();
  good.upgrade("/good");
  for (const char* what : {"bad", "worse"}) {
    auto bad = served.connect();
    bad.upgrade("/bad");
    bad.say("hello");
    CHECK(bad.hear() == "text hello");
    bad.say(what);
    CHECK(bad.hear() == "close 1011");
    good.say("hello");
    CHECK(good.hear() == "text hello");
  }
  served.server.stop({.window = std::chrono::milliseconds(0), .grace = std::chrono::seconds(5)});
  CHECK(good.hear() == "close 1011");
}

TEST_CASE("whichever allocation of a server fails, it ends one connection at most, and the others are served",
          "[net]") {
  const Silence silence;
  const std::size_t threads = GENERATE(1, 2);
  Parts parts(threads);
  const auto port = parts.listen();
  BlockingClient good(port);
  REQUIRE(good.upgrade("/good").starts_with("HTTP/1.1 101 "));
  std::size_t nth = 0;
  for (bool failed = true; failed;) {
    CAPTURE(threads, ++nth);
    REQUIRE(nth < 1000);
    {
      const FailingElsewhere failing(nth);
      {
        BlockingClient bad(port);
        bad.send(BlockingClient::upgrade_request("/bad") + client_text("hello") + client_text(std::string(2000, 'x')) +
                 client_close(1000));
        REQUIRE(bad.read_to_end().find(nothing_came) == std::string::npos);
        BlockingClient asks(port);
        asks.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        REQUIRE(asks.read_to_end().find(nothing_came) == std::string::npos);
        BlockingClient downloads(port);
        downloads.send("GET /pieces HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        const std::string body = downloads.read_to_end();
        REQUIRE(body.find(nothing_came) == std::string::npos);
        CHECK((failing.failed() || body.ends_with("\r\n0\r\n\r\n<end>")));
      }
      REQUIRE(parts.comes_to([](const ServerStats& stats) { return stats.connections == 1 && stats.open == 1; }));
      failed = failing.failed();
    }
    good.say("hello");
    REQUIRE(good.hear() == "text hello");
    REQUIRE(parts.comes_to([&](const ServerStats&) { return parts.gateway.opened == parts.gateway.closed + 1; }));
    REQUIRE(parts.comes_to([&](const ServerStats&) { return parts.hello.bodies == 0; }));
  }
  CHECK(nth > 20);
  parts.server->stop({.window = 0ms, .grace = 5s});
  CHECK(good.hear() == "close 1012");
}

TEST_CASE("whichever allocation fails while a server stops, it ends, and so do its connections", "[net]") {
  const Silence silence;
  std::size_t nth = 0;
  for (bool failed = true; failed;) {
    CAPTURE(++nth);
    REQUIRE(nth < 1000);
    const std::size_t held = held_of_the_system();
    {
      Parts parts(2);
      const auto port = parts.listen();
      BlockingClient one(port), two(port);
      REQUIRE(one.upgrade().starts_with("HTTP/1.1 101 "));
      REQUIRE(two.upgrade().starts_with("HTTP/1.1 101 "));
      const FailingElsewhere failing(nth);
      parts.server->stop({.window = 0ms, .grace = 200ms});
      const std::string heard = one.hear() + two.hear();
      REQUIRE(heard.find(nothing_came) == std::string::npos);
      one.hang_up();
      two.hang_up();
      parts.server->wait();
      failed = failing.failed();
      parts.server.reset();
      REQUIRE(parts.gateway.closed == 2);
    }
    REQUIRE(comes_down_to(held));
  }
  CHECK(nth > 10);
}

TEST_CASE("whichever allocation fails in a call that starts or ends a server, the call throws and leaves nothing",
          "[net]") {
  const Silence silence;
  std::size_t nth = 0;
  for (bool failed = true; failed;) {
    CAPTURE(++nth);
    REQUIRE(nth < 1000);
    const std::size_t held = held_of_the_system();
    {
      std::unique_ptr<Parts> parts;
      std::uint16_t port = 0;
      std::size_t left = nth;
      const auto try_to = [&left](auto work) {
        const FailingAllocation failing(left);
        try {
          work();
        } catch (const std::bad_alloc&) {}
        left = testing::fail_in;
      };
      try_to([&] { parts = std::make_unique<Parts>(2); });
      if (parts && left > 0) {
        const std::size_t before = held_of_the_system();
        try_to([&] { port = parts->listen(); });
        if (port == 0) REQUIRE(held_of_the_system() <= before + 5);  // its accepting thread, which stays
      }
      if (!parts) REQUIRE(comes_down_to(held));
      if (!parts) parts = std::make_unique<Parts>(2);
      if (port == 0) port = parts->listen();
      {
        BlockingClient client(port);
        REQUIRE(client.upgrade().starts_with("HTTP/1.1 101 "));
        if (left > 0) try_to([&] { parts->server->stop({.window = 0ms, .grace = 200ms}); });
        if (left == 0 || nth % 2 == 0) parts->server->stop({.window = 0ms, .grace = 200ms});
      }
      if (left > 0) try_to([&] { parts->server.reset(); });
      parts.reset();
      failed = left == 0;
    }
    REQUIRE(comes_down_to(held));
  }
  CHECK(nth > 30);
}

TEST_CASE("whichever allocation fails in adopt(), the socket stays with the caller, unchanged", "[net]") {
  const Silence silence;
  Served served({}, 2);
  std::size_t nth = 0;
  for (bool failed = true; failed;) {
    CAPTURE(++nth);
    REQUIRE(nth < 1000);
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    const std::string request = BlockingClient::upgrade_request("/");
    const AdoptOptions options{.client_address = "[2001:db8::1234]:4711"};
    Result<> adopted;
    {
      const FailingAllocation failing(nth);
      try {
        adopted = served.server.adopt(ends[1], request, options);
      } catch (const std::bad_alloc&) {}
      failed = failing.failed();
    }
    if (failed) {
      REQUIRE(::fcntl(ends[1], F_GETFL) == O_RDWR);
      REQUIRE(::fcntl(ends[1], F_GETFD) == 0);
      ::close(ends[1]);
    } else {
      REQUIRE(adopted);
      char first = 0;
      REQUIRE(::recv(ends[0], &first, 1, 0) == 1);
      CHECK(first == 'H');
    }
    ::close(ends[0]);
  }
  CHECK(nth > 2);
}

TEST_CASE("a thread to look up names in that does not start is an error of the stream that wanted it", "[net]") {
  struct End final : StreamEvents {
    void on_open() override {}
    void on_bytes(std::string_view) override {}
    void on_closed(const Error& error) override { why.set_value(error.message()); }
    std::promise<std::string> why;
  };
  AsioExecutors executors(1);
  AsioDialer dialer(executors);
  End first, second;
  std::unique_ptr<ByteStream> one, two;
  const auto dial = [&](End& end, std::unique_ptr<ByteStream>& stream) {
    executors.at(0).post([&] { stream = dialer.dial({.host = "localhost", .port = 1}, executors.at(0), end); });
    return end.why.get_future().get();
  };
  {
    const FailingThread failing(1);
    CHECK(dial(first, one).find("no thread to look up names in") != std::string::npos);
  }
  CHECK(dial(second, two).find("no thread") == std::string::npos);
  run_on(executors.at(0), [&] { one.reset(), two.reset(); });
}

TEST_CASE("a thread that does not start is an error of the call that wanted it, and leaves nothing", "[net]") {
  const std::size_t held = held_of_the_system();
  for (std::size_t nth = 1; nth <= 3; ++nth) {
    const FailingThread failing(nth);
    CHECK_THROWS_AS(AsioExecutors(3), std::system_error);
    CHECK(comes_down_to(held));
  }
  for (std::size_t nth = 1; nth <= 3; ++nth) {
    const FailingThread failing(nth);
    CHECK_THROWS_AS(WorkerPool(3), std::system_error);
    CHECK(comes_down_to(held));
  }
  {
    Parts parts(2);
    {
      const FailingThread failing(1);
      const auto listening = parts.server->listen("127.0.0.1", 0);
      REQUIRE(!listening);
      CHECK(listening.error().message().find("listen: no thread to accept in") != std::string::npos);
    }
    BlockingClient client(parts.listen());
    CHECK(client.upgrade().starts_with("HTTP/1.1 101 "));
  }
  CHECK(comes_down_to(held));
}

TEST_CASE("a timer that is refused for want of memory never rings, and those before it do", "[net]") {
  AsioExecutors executors(1);
  Executor& executor = executors.at(0);
  Transcript story;
  int refusals = 0;
  bool failed = true;
  for (std::size_t nth = 1; failed; ++nth) {
    const std::string before = "before " + std::to_string(nth), tried = "tried " + std::to_string(nth);
    CAPTURE(nth);
    bool refused = false;
    run_on(executor, [&] {
      executor.post_after(20ms, [&story, before] { story.add(before); });
      Function<void()> job = [&story, tried] { story.add(tried); };
      const sluice::testing::FailingAllocation failing(nth);
      try {
        executor.post_after(10ms, std::move(job));
      } catch (const std::bad_alloc&) {
        refused = true;
      }
      failed = failing.failed();
    });
    refusals += refused;
    CHECK(story.has(before));
    const auto lines = story.lines();
    CHECK((std::find(lines.begin(), lines.end(), tried) == lines.end()) == refused);
  }
  CHECK(refusals > 0);
}
