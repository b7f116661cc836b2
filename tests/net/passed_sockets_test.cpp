// SPDX-License-Identifier: MIT
// Sockets that another program opened: which were passed, and serving at them.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "net/server/listen_variables.hpp"
#include "net/support/served.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;
using net::ListenVariables;

namespace {

// "3:web 4:admin", or the error.
std::string read(const char* pid, const char* fds, const char* names) {
  const auto passed = ListenVariables{pid, fds, names}.read(4711);
  if (!passed) return passed.error().message();
  std::string line;
  for (const PassedSocket& socket : *passed) {
    line += (line.empty() ? "" : " ") + std::to_string(socket.descriptor) + ":" + socket.name;
  }
  return line;
}

// A descriptor that is closed unless somebody takes it.
class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  Descriptor(Descriptor&&) = delete;
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }
  int give() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

std::unique_ptr<Descriptor> make_socket(int type, bool listening) {
  auto made = std::make_unique<Descriptor>(::socket(AF_INET, type, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(made->get(), reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) throw std::runtime_error("bind");
  if (listening && ::listen(made->get(), 100) != 0) throw std::runtime_error("listen");
  return made;
}

}  // namespace

TEST_CASE("passed sockets are numbered from 3 on, and have names", "[net]") {
  CHECK(read("4711", "2", "web:admin") == "3:web 4:admin");
  CHECK(read("4711", "2", "web") == "3:web 4:unknown");
  CHECK(read("4711", "3", ":admin:") == "3:unknown 4:admin 5:unknown");
  CHECK(read("4711", "1", nullptr) == "3:unknown");
  CHECK(read("4711", "0", nullptr) == "");
}

TEST_CASE("without the variables, or with another's, nothing is passed", "[net]") {
  CHECK(read(nullptr, nullptr, nullptr) == "");
  CHECK(read("4711", nullptr, "web") == "");
  CHECK(read(nullptr, "2", "web") == "");
  CHECK(read("4712", "2", "web:admin") == "");
  CHECK(read("4712", "nonsense", "web:admin") == "");
  CHECK(passed_sockets()->empty());  // nobody passes any to the tests
}

TEST_CASE("invalid LISTEN_ variables are reported", "[net]") {
  CHECK(read("47x", "1", nullptr) == "invalid_argument: passed_sockets: LISTEN_PID is \"47x\"");
  CHECK(read("", "1", nullptr) == "invalid_argument: passed_sockets: LISTEN_PID is \"\"");
  for (const char* fds : {"", "-1", "1.5", "2000", "many"}) {
    CHECK(read("4711", fds, nullptr) == "invalid_argument: passed_sockets: LISTEN_FDS is \"" + std::string(fds) + "\"");
  }
  CHECK(read("4711", "1", "web:admin") == "invalid_argument: passed_sockets: LISTEN_FDNAMES has more than 1 names");
}

TEST_CASE("a descriptor that does not listen for TCP is refused, and stays its owner's", "[net]") {
  Served served;
  const auto why = [&](int descriptor) {
    const auto listening = served.server.listen_fd(descriptor);
    return listening ? "" : listening.error().context().substr(listening.error().context().find(": ") + 2);
  };
  const auto deaf = make_socket(SOCK_STREAM, false), datagrams = make_socket(SOCK_DGRAM, false);
  int pipe[2];
  REQUIRE(::pipe2(pipe, O_CLOEXEC) == 0);
  Descriptor in(pipe[0]), out(pipe[1]);
  Descriptor local(::socket(AF_UNIX, SOCK_STREAM, 0));
  CHECK(why(-1) == "Bad file descriptor");
  CHECK(why(in.get()) == "Socket operation on non-socket");
  CHECK(why(deaf->get()) == "it does not listen");
  CHECK(why(datagrams->get()) == "it is no TCP socket");
  CHECK(why(local.get()) == "it is no TCP socket");
  served.server.stop();
  const auto listening = make_socket(SOCK_STREAM, true);
  CHECK(why(listening->get()) == "the server has stopped");
  for (const int open : {in.get(), deaf->get(), datagrams->get(), local.get(), listening->get()}) {
    CHECK(::fcntl(open, F_GETFD) >= 0);
  }
}

TEST_CASE("connections to a socket that two servers share are served by the other while one stops", "[net][LC-27]") {
  const auto socket = make_socket(SOCK_STREAM, true);
  TestGateway gateway;
  AsioExecutors executors(1);
  AsioServer first(executors, gateway);
  const std::uint16_t port = first.listen_fd(::dup(socket->get())).value();
  BlockingClient before(port);
  REQUIRE(before.upgrade("/before").starts_with("HTTP/1.1 101 "));
  first.stop({.window = 0ms});
  CHECK(before.hear() == "close 1012");
  before.send(client_close(1012));
  first.wait();

  BlockingClient between(port);  // nobody accepts it now, and nobody refuses it
  between.send(BlockingClient::upgrade_request("/between"));
  AsioServer second(executors, gateway);
  REQUIRE(second.listen_fd(socket->give()).value() == port);
  CHECK(between.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
  CHECK(BlockingClient(port).upgrade("/after").starts_with("HTTP/1.1 101 "));
  CHECK(first.stats().accepted == 1);
  CHECK(second.stats().accepted == 2);
}
