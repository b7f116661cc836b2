// SPDX-License-Identifier: MIT
// Responses whose body comes in pieces.
#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "net/support/certificates.hpp"
#include "net/support/faults.hpp"
#include "net/support/served.hpp"
#include "net/support/tls_client.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/core/worker_pool.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

using Piece = std::optional<std::string>;

// The calls of a body, and whether it was destroyed. Any thread.
struct Watched {
  std::atomic<int> asked{0}, destroyed{0};
};

// Asks a function for the piece number 0, 1, ..
class Scripted final : public HttpBody {
 public:
  using Next = std::function<Task<Piece>(int)>;

  Scripted(Watched& watched, Next next) : watched_(watched), next_(std::move(next)) {}
  ~Scripted() override { ++watched_.destroyed; }
  Task<Piece> next() override {
    ++watched_.asked;
    return next_(asked_++);
  }

 private:
  Watched& watched_;
  Next next_;
  int asked_ = 0;
};

Scripted::Next these(std::vector<std::string> pieces) {
  return [pieces = std::move(pieces)](int n) -> Piece {
    if (static_cast<std::size_t>(n) < pieces.size()) return pieces[static_cast<std::size_t>(n)];
    return std::nullopt;
  };
}

Task<Piece> later(Completion<Piece> piece) { co_return co_await piece; }

constexpr std::size_t large_piece = 16 * 1024;

// Answers each request with a body that the test gives, of a length if it gives one.
struct Site : HttpHandler, Served {
  explicit Site(Scripted::Next next, AsioServerOptions options = {}, std::optional<std::uint64_t> length = {})
      : Served(with_handler(options, this)), next(std::move(next)), length(length) {}
  Site(Scripted::Next next, AsioServerOptions options, ConsumerLimits limits)
      : Served(with_handler(options, this), limits), next(std::move(next)) {}

  static AsioServerOptions with_handler(AsioServerOptions options, HttpHandler* handler) {
    options.http = handler;
    return options;
  }
  Task<HttpResponse> handle(const HttpRequest& request) override {
    if (request.path() == "/plain") return HttpResponse(200, "plain\n");
    return HttpResponse::stream("text/csv", std::make_shared<Scripted>(watched, next), length);
  }
  bool destroys(int bodies) {
    return comes_to([&](const ServerStats&) { return watched.destroyed == bodies; });
  }

  Watched watched;
  Scripted::Next next;
  std::optional<std::uint64_t> length;
};

const std::string get = "GET /rows.csv HTTP/1.1\r\nHost: x\r\n\r\n";
const std::string get_old = "GET /rows.csv HTTP/1.0\r\n\r\n";
const std::string get_plain = "GET /plain HTTP/1.1\r\nHost: x\r\n\r\n";

// The next chunk with its size in front, as "5:hello"; or the kind of end.
std::string chunk(BlockingClient& client) {
  const std::string line = client.read_until("\r\n");
  if (!line.ends_with("\r\n")) return line;
  const std::size_t size = std::stoul(line, nullptr, 16);
  const std::string bytes = client.read_exactly(size + 2);
  if (bytes.size() != size + 2) return bytes;
  return std::to_string(size) + ":" + bytes.substr(0, size);
}

// The next bytes are so many x.
bool gets(BlockingClient& client, std::size_t bytes) {
  const std::string got = client.read_exactly(bytes);
  if (got.size() != bytes)
    UNSCOPED_INFO(got.size() << " bytes, " << got.substr(got.size() - std::min<std::size_t>(got.size(), 9)));
  return got == std::string(bytes, 'x');
}

}  // namespace

TEST_CASE("a body in pieces arrives in chunks, and its connection serves the next request", "[net]") {
  Site site(these({"id,name\r\n", "", "1,ada\r\n"}));
  auto client = site.connect();
  client.send(get + get + get_plain);
  for (int i = 0; i < 2; ++i) {
    const std::string head = client.read_until("\r\n\r\n");
    CHECK(head.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(head.find("\r\nTransfer-Encoding: chunked\r\n") != head.npos);
    CHECK(head.find("Content-Length") == head.npos);
    CHECK(client.read_until("0\r\n\r\n") == "9\r\nid,name\r\n\r\n7\r\n1,ada\r\n\r\n0\r\n\r\n");
  }
  CHECK(client.read_until("plain\n").starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(site.watched.destroyed == 2);
  CHECK(site.server.stats().accepted == 1);
  CHECK(site.server.stats().responses_cut == 0);
}

TEST_CASE("each piece reaches the client before the next one is there, for as long as the body goes on", "[net]") {
  std::vector<Completion<Piece>> pieces(4);
  Site site([&](int n) { return later(pieces.at(static_cast<std::size_t>(n))); });
  auto client = site.connect();
  client.send(get);
  CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string event = "data: " + std::to_string(i) + "\n\n";
    pieces[i].resolve(event);
    CHECK(chunk(client) == "9:" + event);
  }
  pieces[3].resolve(std::nullopt);
  CHECK(chunk(client) == "0:");
}

TEST_CASE("pieces may be made on another thread", "[net]") {
  WorkerPool pool(1);
  const auto made = [&pool](int n) -> Task<Piece> {
    auto piece = pool.run([n]() -> Piece {
      if (n == 100) return std::nullopt;
      return std::to_string(n) + "\r\n";
    });
    co_return co_await piece;
  };
  Site site(made);
  auto client = site.connect();
  client.send(get);
  client.read_until("\r\n\r\n");
  for (int n = 0; n < 100; ++n) {
    const std::string line = std::to_string(n) + "\r\n";
    CHECK(chunk(client) == std::to_string(line.size()) + ":" + line);
  }
  CHECK(chunk(client) == "0:");
}

TEST_CASE("a body is not asked for a piece while the last one is missing, however small those before were", "[net]") {
  constexpr int empty_pieces = 2'000;  // twice as many as a body is asked for in a turn
  Completion<Piece> slow;
  Site site([&](int n) -> Task<Piece> {
    if (n < empty_pieces) return Piece("");
    if (n == empty_pieces) return later(slow);
    return Piece();
  });
  auto client = site.connect();
  client.send(get);
  client.read_until("\r\n\r\n");
  REQUIRE(site.comes_to([&](const ServerStats&) { return site.watched.asked > empty_pieces; }));
  auto other = site.connect();
  other.send(get_plain);
  CHECK(other.read_until("plain\n").starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(site.watched.asked == empty_pieces + 1);
  slow.resolve("late");
  CHECK(client.read_until("0\r\n\r\n") == "4\r\nlate\r\n0\r\n\r\n");
  CHECK(site.watched.asked == empty_pieces + 2);
}

TEST_CASE("a known length is said, and the pieces go without chunks", "[net]") {
  Site site(these({"hel", "lo"}), {}, 5);
  auto client = site.connect();
  client.send(get + get_plain);
  const std::string head = client.read_until("\r\n\r\n");
  CHECK(head.find("\r\nContent-Length: 5\r\n") != head.npos);
  CHECK(head.find("Transfer-Encoding") == head.npos);
  CHECK(client.read_exactly(5) == "hello");
  CHECK(client.read_until("plain\n").starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("a streamed body for HTTP/1.0 ends with the connection", "[net]") {
  Site site(these({"hel", "lo"}));
  auto client = site.connect();
  client.send(get_old);
  const std::string head = client.read_until("\r\n\r\n");
  CHECK(head.find("\r\nConnection: close\r\n") != head.npos);
  CHECK(head.find("Transfer-Encoding") == head.npos);
  CHECK(client.read_to_end() == "hello<end>");
  CHECK(site.destroys(1));
  CHECK(site.server.stats().responses_cut == 0);
}

TEST_CASE("no piece of a body is produced for HEAD", "[net]") {
  Site site(these({"hello"}));
  auto client = site.connect();
  client.send("HEAD /rows.csv HTTP/1.1\r\nHost: x\r\n\r\n" + get_plain);
  CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(client.read_until("\r\n").starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(site.watched.asked == 0);
  CHECK(site.watched.destroyed == 1);
}

TEST_CASE("a request that closes its connection gets the whole body first", "[net]") {
  Site site(these({"hel", "lo"}));
  auto client = site.connect();
  client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(client.read_to_end().ends_with("3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n<end>"));
}

TEST_CASE("a reader that stops pauses the body, and one that takes nothing is disconnected", "[net]") {
  AsioServerOptions options;
  options.limits.handshake_time = 200ms;
  const ConsumerLimits limits{.slow_bytes = 64 * 1024};
  Site site([](int) -> Piece { return std::string(large_piece, 'x'); }, options, limits);
  const auto faults = Faults::none_but_little_room(site.executors.at(0));
  const bool old = GENERATE(false, true);
  auto client = site.connect(small_buffer);
  client.send(old ? get_old : get);
  CHECK(site.destroys(1));
  CHECK(site.comes_to([](const ServerStats& stats) { return stats.connections == 0; }));
  CHECK(site.server.stats().responses_cut == 1);
  // What the kernel takes on both sides, what gathers in the queue, and one piece.
  const std::size_t kernel = 64 * 1024;
  CHECK(static_cast<std::size_t>(site.watched.asked) * large_piece <= kernel + 64 * 1024 + large_piece);
  CHECK(client.read_to_end().ends_with(reset_by_peer));
}

TEST_CASE("a slow reader gets all of a large body, in order", "[net]") {
  constexpr int pieces = 500;
  Site site([](int n) -> Piece {
    if (n == pieces) return std::nullopt;
    return std::to_string(n) + std::string(large_piece, 'x');
  });
  const auto faults = Faults::none_but_little_room(site.executors.at(0));
  auto client = site.connect(small_buffer);
  client.send(get);
  client.read_until("\r\n\r\n");
  for (int n = 0; n < pieces; ++n) {
    const std::string piece = std::to_string(n) + std::string(large_piece, 'x');
    const bool same = chunk(client) == std::to_string(piece.size()) + ":" + piece;
    REQUIRE(same);
  }
  CHECK(chunk(client) == "0:");
}

TEST_CASE("a client that reads less than a kernel buffer within a deadline is not disconnected", "[net]") {
  AsioServerOptions options;
  options.limits.handshake_time = 100ms;
  const Served clock(options);  // which closes silent connections
  options.limits.handshake_time = 400ms;
  Site site(these({std::string(8'000'000, 'x')}), options);
  auto client = site.connect(256 * 1024);
  client.send(get);
  client.read_until("\r\n\r\n7a1200\r\n");
  // The kernel of this side reports so much within a deadline to the other's, which waits for a third of its buffer.
  constexpr std::size_t a_little = 150'000;
  constexpr int rounds = 20;
  for (int round = 0; round < rounds; ++round) {
    REQUIRE(gets(client, a_little));
    CHECK(clock.connect().read_to_end() == end_of_stream);
  }
  CHECK(gets(client, 8'000'000 - rounds * a_little));
  CHECK(client.read_until("\r\n0\r\n\r\n") == "\r\n0\r\n\r\n");
}

TEST_CASE("a body that fails ends its connection so that the client sees it", "[net]") {
  const LogCapture log;
  const bool waits = GENERATE(false, true);
  const auto fails_later = []() -> Task<Piece> {
    co_await Task<>();
    throw std::runtime_error("the database is gone");
  };
  Site site([&](int n) -> Task<Piece> {
    if (n == 0) return Piece("1,ada\r\n");
    if (waits) return fails_later();
    throw std::runtime_error("the database is gone");
  });
  auto client = site.connect();
  client.send(get);
  client.read_until("\r\n\r\n");
  CHECK(client.read_to_end() == "7\r\n1,ada\r\n\r\n<end>");
  CHECK(site.comes_to([&](const ServerStats&) {
    return log.count("http \"/rows.csv\": the response is cut short: the database is gone") > 0;
  }));
  auto old = site.connect();
  old.send(get_old);
  CHECK(old.read_to_end().ends_with(reset_by_peer));  // the end of the connection would say that it is whole
  CHECK(site.destroys(2));
  CHECK(site.comes_to([](const ServerStats& stats) { return stats.connections == 0; }));
  CHECK(site.server.stats().responses_cut == 2);
  auto other = site.connect();
  other.send(get_plain);
  CHECK(other.read_until("plain\n").starts_with("HTTP/1.1 200 "));
}

TEST_CASE("a body that is longer or shorter than its length ends its connection", "[net]") {
  const LogCapture log;
  Site site(these({"hello"}), {}, GENERATE(4, 6));
  auto client = site.connect();
  client.send(get);
  const bool longer = *site.length == 4;
  CHECK(client.read_to_end().ends_with(longer ? "\r\n\r\n<end>" : "\r\n\r\nhello<end>"));
  CHECK(site.comes_to([&](const ServerStats&) {
    return log.count("http \"/rows.csv\": the response is cut short: the body is " +
                     std::string(longer ? "longer" : "shorter") + " than its length, by 1 bytes") > 0;
  }));
  CHECK(site.destroys(1));
}

TEST_CASE("a body whose next piece takes too long ends its connection", "[net]") {
  const LogCapture log;
  AsioServerOptions options;
  options.limits.piece_time = 100ms;
  Completion<Piece> never;
  Site site(
      [&](int n) -> Task<Piece> {
        if (n == 0) return Piece("first");
        return later(never);
      },
      options);
  auto client = site.connect();
  client.send(get);
  client.read_until("\r\n\r\n");
  CHECK(client.read_to_end() == "5\r\nfirst\r\n<end>");
  CHECK(site.comes_to([&](const ServerStats&) {
    return log.count("http \"/rows.csv\": the response is cut short: the body's next piece took too long") > 0;
  }));
  CHECK(site.destroys(1));
  CHECK(site.comes_to([](const ServerStats& stats) { return stats.responses_cut == 1; }));
}

TEST_CASE("a body may take any time for a piece where no limit is set", "[net]") {
  AsioServerOptions options;
  options.limits.piece_time = 0ms;
  options.limits.handshake_time = 50ms;
  Completion<Piece> first;
  Site site(
      [&](int n) -> Task<Piece> {
        if (n == 0) return later(first);
        return Piece();
      },
      options);
  auto client = site.connect();
  client.send(get);
  client.read_until("\r\n\r\n");
  CHECK(client.hears_nothing_for(200));
  first.resolve("late");
  CHECK(chunk(client) == "4:late");
  CHECK(chunk(client) == "0:");
}

TEST_CASE("a client that goes away ends the body, while it waits for a piece or for the client", "[net]") {
  AsioServerOptions options;
  options.limits.handshake_time = 100ms;
  const bool blocked = GENERATE(false, true);
  const std::string how = GENERATE("resets", "hangs up");
  Completion<Piece> never;
  Site site(
      [&](int) -> Task<Piece> {
        if (blocked) return Piece(std::string(large_piece, 'x'));
        return later(never);
      },
      options);
  auto client = site.connect(small_buffer);
  client.send(get);
  client.read_until("\r\n\r\n");
  REQUIRE(site.comes_to([&](const ServerStats&) { return site.watched.asked > (blocked ? 4 : 0); }));
  how == "resets" ? client.reset() : client.hang_up();
  CHECK(site.destroys(1));
  CHECK(site.comes_to([](const ServerStats& stats) { return stats.connections == 0; }));
  CHECK(site.server.stats().responses_cut == 1);
  never.resolve("too late");
  run_on(site.executors.at(0), [] {});
}

TEST_CASE("a piece that arrives in the turn in which the client is lost is dropped", "[net]") {
  Completion<Piece> piece;
  std::atomic<int> waiting{0};
  Site site([&](int) -> Task<Piece> {
    ++waiting;
    return later(piece);
  });
  constexpr int clients = 300;
  for (int i = 0; i < clients; ++i) {
    // Some of these lose their client between the end of next() and the job that takes its piece.
    run_on(site.executors.at(0), [&] { piece = Completion<Piece>(); });
    const int before = waiting;
    auto client = site.connect();
    client.send(get);
    REQUIRE(site.comes_to([&](const ServerStats&) { return waiting > before; }));
    run_on(site.executors.at(0), [&] {
      client.reset();
      piece.resolve("too late");
      piece = Completion<Piece>();
    });
    REQUIRE(site.destroys(i + 1));
  }
}

TEST_CASE("a client that half-closes and reads gets the whole body", "[net]") {
  Completion<Piece> first;
  Site site([&](int n) -> Task<Piece> {
    if (n == 0) return later(first);
    return Piece();
  });
  auto client = site.connect();
  client.send(get);
  client.read_until("\r\n\r\n");
  client.end_sending();
  first.resolve("hello");
  CHECK(client.read_to_end() == "5\r\nhello\r\n0\r\n\r\n<end>");
}

TEST_CASE("work that a body has begun elsewhere may finish when the body is gone", "[net]") {
  WorkerPool pool(1);
  Completion<std::monostate> gone;
  std::atomic<bool> begun{false}, finished{false};
  Site site([&](int) -> Task<Piece> {
    auto piece = pool.run([&]() -> Piece {
      begun = true;
      while (!site.watched.destroyed) std::this_thread::yield();
      finished = true;
      return "for nobody";
    });
    co_return co_await piece;
  });
  auto client = site.connect();
  client.send(get);
  REQUIRE(site.comes_to([&](const ServerStats&) { return begun.load(); }));
  client.reset();
  CHECK(site.comes_to([&](const ServerStats&) { return finished.load(); }));
  run_on(site.executors.at(0), [] {});
  CHECK(site.server.stats().connections == 0);
}

TEST_CASE("a server that stops waits for a body, and cuts off one that does not end", "[net]") {
  const bool ends = GENERATE(true, false);
  Completion<Piece> first;
  Site site([&](int n) -> Task<Piece> {
    if (n == 0) return later(first);
    return Piece();
  });
  auto client = site.connect();
  client.send(ends ? get : get_old);
  client.read_until("\r\n\r\n");
  site.server.stop({.window = 0ms, .grace = ends ? 20'000ms : 100ms});
  if (ends) {
    first.resolve("last words");
    CHECK(chunk(client) == "10:last words");
    CHECK(chunk(client) == "0:");
    CHECK(client.read_to_end() == end_of_stream);
  } else {
    CHECK(client.read_to_end() == reset_by_peer);
  }
  site.server.wait();
  CHECK(site.watched.destroyed == 1);
  CHECK(site.server.stats().responses_cut == (ends ? 0 : 1));
}

TEST_CASE("a server that is destroyed destroys the bodies that it sends", "[net]") {
  Watched watched;
  {
    Completion<Piece> never;
    struct Handler : HttpHandler {
      Task<HttpResponse> handle(const HttpRequest&) override {
        return HttpResponse::stream("text/csv", std::make_shared<Scripted>(*watched, next));
      }
      Watched* watched = nullptr;
      Scripted::Next next;
    } handler;
    handler.watched = &watched;
    handler.next = [&](int) { return later(never); };
    AsioServerOptions options;
    options.http = &handler;
    Served served(options);
    auto client = served.connect();
    client.send(get);
    client.read_until("\r\n\r\n");
  }
  CHECK(watched.destroyed == 1);
}

TEST_CASE("queued response bytes are bounded for all together, and the largest connection is closed first", "[net]") {
  const ConsumerLimits limits{.server_queued_bytes = 1'000'000};
  Watched* watched = nullptr;
  const auto by_turns = [&watched](int) -> Piece {
    switch (watched->asked) {
      case 1: return std::string(400'000, 'x');
      case 2: return std::string(1'200'000, 'x');
      default: return std::nullopt;
    }
  };
  Site site(by_turns, {}, limits);
  watched = &site.watched;
  const auto faults = Faults::none_but_little_room(site.executors.at(0));
  auto small = site.connect(small_buffer);
  small.send(get);
  REQUIRE(site.comes_to([&](const ServerStats&) { return site.watched.asked == 1; }));
  auto large = site.connect(small_buffer);
  large.send(get);
  CHECK(large.read_to_end().ends_with(reset_by_peer));
  CHECK(site.server.stats().responses_cut == 1);
  CHECK(site.comes_to([](const ServerStats& stats) { return stats.connections == 1; }));
  small.read_until("\r\n\r\n61a80\r\n");
  CHECK(gets(small, 400'000));
}

TEST_CASE("a body in pieces goes over TLS, and shows there too that it is not whole", "[net]") {
  const LogCapture log;
  const Authority authority;
  const auto issued = authority.issue("localhost");
  Site site([](int n) -> Piece {
    if (n == 300) throw std::runtime_error("enough");
    return std::string(large_piece, 'x');
  });
  const auto port = site.listen(TlsContext::from_pem(issued.certificate, issued.key).value());
  TlsClient client(port);
  client.send(get);
  client.read_until("\r\n\r\n");
  for (int n = 0; n < 300; ++n) {
    const bool same = chunk(client) == "16384:" + std::string(large_piece, 'x');
    REQUIRE(same);
  }
  CHECK(chunk(client) == end_of_stream);
}
