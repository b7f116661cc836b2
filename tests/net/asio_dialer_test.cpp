// SPDX-License-Identifier: MIT
// Outgoing streams over real sockets, to an echo server.
#include "sluice/net/asio_dialer.hpp"

#include <unistd.h>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/write.hpp>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <new>
#include <string>
#include <thread>

#include "sluice/testing/manual_executor.hpp"
#include "support/catch.hpp"
#include "support/inherited.hpp"

using namespace sluice;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

// Serves one connection after the other on a thread of its own, until each hangs up. "bye" makes it hang up.
template <class Protocol>
class Echo {
 public:
  explicit Echo(const typename Protocol::endpoint& at) : acceptor_(io_, at), thread_([this] { serve(); }) {}
  ~Echo() {
    stopped_ = true;
    asio::error_code ignored;
    typename Protocol::socket last(io_);
    last.connect(acceptor_.local_endpoint(), ignored);
    last.close(ignored);
    thread_.join();
  }
  auto where() const { return acceptor_.local_endpoint(); }

 private:
  void serve() {
    while (!stopped_) {
      asio::error_code error;
      auto socket = acceptor_.accept(error);
      std::string buffer(4096, '\0');
      while (!error) {
        const std::size_t bytes = socket.read_some(asio::buffer(buffer), error);
        if (error || buffer.starts_with("bye")) break;
        asio::write(socket, asio::buffer(buffer.data(), bytes), error);
      }
    }
  }

  asio::io_context io_;
  typename Protocol::acceptor acceptor_;
  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

using TcpEcho = Echo<asio::ip::tcp>;
using UnixEcho = Echo<asio::local::stream_protocol>;

// Records a stream's callbacks, and their executor, which owns the stream. Any thread.
class Line final : public StreamEvents {
 public:
  Line(Dialer& dialer, const Endpoint& to, Executor& executor, std::string first = {}) : executor_(executor) {
    executor_.post([this, &dialer, to, first = std::move(first)]() mutable {
      stream_ = dialer.dial(to, executor_, *this);
      if (!first.empty()) stream_->write(std::move(first));
    });
  }
  void write(std::string bytes) {
    executor_.post([this, bytes = std::move(bytes)]() mutable { stream_->write(std::move(bytes)); });
  }
  void drop() {
    executor_.post([this] {
      stream_.reset();
      note("dropped");
    });
  }
  std::string told() const {
    std::lock_guard lock(mutex_);
    return told_;
  }
  bool tells(const std::string& what) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [&] { return told_.find(what) != told_.npos; });
  }
  /// Drops the stream from inside its next call.
  void drop_when_told() {
    executor_.post([this] { drops_ = true; });
  }

  void on_open() override { note("open "); }
  /// Throws from its next calls.
  void throw_when_told() {
    executor_.post([this] { throws_ = true; });
  }

  void on_bytes(std::string_view bytes) override {
    if (throws_) throw std::bad_alloc();
    if (drops_) stream_.reset();
    note(bytes);
  }
  void on_closed(const Error& error) override { note("closed: " + error.message()); }

 private:
  void note(std::string_view what) {
    std::lock_guard lock(mutex_);
    if (!executor_.runs_here()) told_ += "(elsewhere)";
    told_ += what;
    changed_.notify_all();
  }

  Executor& executor_;
  std::unique_ptr<ByteStream> stream_;
  bool drops_ = false;
  bool throws_ = false;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string told_;
};

struct Threads {
  AsioExecutors executors{2};
  AsioDialer dialer{executors};
  ~Threads() {
    executors.stop();
    executors.join();
  }
};

Endpoint tcp(std::uint16_t port, std::string host = "127.0.0.1") { return {.host = std::move(host), .port = port}; }

const asio::ip::tcp::endpoint any_port{asio::ip::make_address("127.0.0.1"), 0};

}  // namespace

TEST_CASE("bytes that a stream has not delivered before its destruction are never delivered", "[net]") {
  asio::io_context io;
  asio::ip::tcp::acceptor acceptor(io, any_port);
  Threads threads;
  Line line(threads.dialer, tcp(acceptor.local_endpoint().port()), threads.executors.at(0));
  auto peer = acceptor.accept();
  REQUIRE(line.tells("open"));
  const std::string much(std::size_t{64} << 20U, 'x');  // more than two kernels take
  line.write(much);
  std::string buffer(1 << 16U, '\0');
  std::size_t arrived = peer.read_some(asio::buffer(buffer));  // it is on its way
  line.drop();
  REQUIRE(line.tells("dropped"));
  asio::error_code end;
  while (!end) arrived += peer.read_some(asio::buffer(buffer), end);
  CHECK(end == asio::error::connection_reset);
  CHECK(arrived < much.size());
}

TEST_CASE("a dialled stream carries bytes both ways, on the executor that it was dialled for", "[net]") {
  TcpEcho echo(any_port);
  Threads threads;
  const std::size_t place = GENERATE(0, 1);
  Line line(threads.dialer, tcp(echo.where().port()), threads.executors.at(place), "said before it is open ");
  CHECK(line.tells("said before it is open "));
  line.write("and after");
  CHECK(line.tells("and after"));
  CHECK(line.told() == "open said before it is open and after");
  line.write("bye");
  CHECK(line.tells("closed: io_failed: 127.0.0.1:" + std::to_string(echo.where().port()) + ": read: "));
  line.drop();
  CHECK(line.tells("dropped"));
}

TEST_CASE("events that throw end their own stream, and the others of their executor go on", "[net]") {
  TcpEcho echo(any_port), other_echo(any_port);
  Threads threads;
  Line line(threads.dialer, tcp(echo.where().port()), threads.executors.at(0));
  Line other(threads.dialer, tcp(other_echo.where().port()), threads.executors.at(0));
  REQUIRE(line.tells("open"));
  line.throw_when_told();
  line.write("hello");
  CHECK(line.tells(": read: its bytes could not be handled"));
  other.write("hello");
  CHECK(other.tells("hello"));
  for (Line* one : {&line, &other}) {
    one->drop();
    CHECK(one->tells("dropped"));
  }
}

TEST_CASE("a program that the process starts holds none of a dialler's sockets", "[net]") {
  TcpEcho echo(any_port);
  Threads threads;
  const int before = test::inherited_descriptors();
  Line line(threads.dialer, tcp(echo.where().port()), threads.executors.at(0), "hello");
  CHECK(line.tells("hello"));
  CHECK(test::inherited_descriptors() == before + 1);  // the other end
  line.drop();
  CHECK(line.tells("dropped"));
}

TEST_CASE("a name's addresses are tried one after the other", "[net]") {
  TcpEcho echo(any_port);  // at the IPv4 one only
  Threads threads;
  Line line(threads.dialer, tcp(echo.where().port(), "localhost"), threads.executors.at(0), "hello");
  CHECK(line.tells("hello"));
  line.drop();
  CHECK(line.tells("dropped"));
}

TEST_CASE("a megabyte goes through as it is", "[net]") {
  TcpEcho echo(any_port);
  Threads threads;
  std::string large(1 << 20, 'x');
  large += "end";
  Line line(threads.dialer, tcp(echo.where().port()), threads.executors.at(0), large);
  CHECK(line.tells("end"));
  const bool same = line.told() == "open " + large;
  CHECK(same);
  line.drop();
  CHECK(line.tells("dropped"));
}

TEST_CASE("a Unix socket is dialled, or the error names the reason", "[net]") {
  const std::string folder = [] {
    std::string name = std::string(P_tmpdir) + "/sluice-dial-XXXXXX";
    return std::string(mkdtemp(name.data()));
  }();
  Threads threads;
  {
    UnixEcho echo{asio::local::stream_protocol::endpoint(folder + "/socket")};
    Line line(threads.dialer, {.socket_path = folder + "/socket"}, threads.executors.at(0), "hello");
    CHECK(line.tells("open hello"));
    line.drop();
    CHECK(line.tells("dropped"));
  }
  Line missing(threads.dialer, {.socket_path = folder + "/none"}, threads.executors.at(0));
  CHECK(missing.tells("closed: io_failed: " + folder + "/none: connect: "));
  Line too_long(threads.dialer, {.socket_path = folder + std::string(200, 'x')}, threads.executors.at(0));
  CHECK(too_long.tells("connect: "));
  for (Line* line : {&missing, &too_long}) {
    line->drop();
    CHECK(line->tells("dropped"));
  }
  std::remove((folder + "/socket").c_str());
  rmdir(folder.c_str());
}

TEST_CASE("an unreachable address, or one without TLS, is reported as closed", "[net]") {
  const auto nobody = [] {
    asio::io_context io;
    return asio::ip::tcp::acceptor(io, any_port).local_endpoint().port();
  }();
  Threads threads;
  Line refused(threads.dialer, tcp(nobody), threads.executors.at(0), "never sent");
  CHECK(refused.tells("connect: "));
  Line unknown(threads.dialer, tcp(1, "no-such-host.invalid"), threads.executors.at(0));
  CHECK(unknown.tells("resolve: "));
  TcpEcho echo(any_port);
  Endpoint secure = tcp(echo.where().port());
  secure.tls.emplace();
  Line plain(threads.dialer, secure, threads.executors.at(0));
  CHECK(plain.tells("TLS: "));
  secure.tls->ca_file = "/nonexistent/ca.pem";
  Line no_file(threads.dialer, secure, threads.executors.at(0));
  CHECK(no_file.tells("TLS: "));
  for (Line* line : {&refused, &unknown, &plain, &no_file}) {
    CHECK(line->told().find("open") == std::string::npos);
    line->drop();
    CHECK(line->tells("dropped"));
  }
}

TEST_CASE("a stream may be destroyed inside its own callback, and makes no further one", "[net]") {
  TcpEcho echo(any_port);
  Threads threads;
  Line line(threads.dialer, tcp(echo.where().port()), threads.executors.at(0));
  REQUIRE(line.tells("open "));
  line.drop_when_told();
  line.write("1");
  CHECK(line.tells("1"));
  line.drop();
  CHECK(line.tells("dropped"));
  CHECK(line.told() == "open 1dropped");
}

TEST_CASE("a stream for an executor of another kind makes all its callbacks there", "[net]") {
  TcpEcho echo(any_port);
  Threads threads;
  testing::ManualExecutor manual;
  Line line(threads.dialer, tcp(echo.where().port()), manual, "hello");
  CHECK(manual.run_until([&] { return line.told() == "open hello"; }));
  line.drop();
  manual.run_all();
  CHECK(line.told() == "open hellodropped");
}
