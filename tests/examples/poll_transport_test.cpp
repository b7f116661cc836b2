// SPDX-License-Identifier: MIT
// The transport of examples/10_websocket_on_poll keeps what every transport promises.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "10_websocket_on_poll/poll_server.hpp"
#include "sluice/testing/transport_conformance.hpp"
#include "support/catch.hpp"

using namespace sluice;

namespace {

class PollTransport final : public testing::ServedTransport {
 public:
  PollTransport(Gateway& gateway, const ServerLimits& limits) : server_(loops_, gateway, limits) {
    const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (::bind(listening, reinterpret_cast<sockaddr*>(&at), size) != 0 || ::listen(listening, 10) != 0 ||
        ::getsockname(listening, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
      throw std::runtime_error("listen");
    }
    port_ = ntohs(at.sin_port);
    server_.accept_at(listening);
  }
  ~PollTransport() override { loops_.stop(); }
  std::uint16_t port() const override { return port_; }
  void stop(const CloseReason& reason) override { server_.stop(reason); }
  void wait() override { server_.wait(); }

 private:
  PollLoops loops_{2};
  PollServer server_;
  std::uint16_t port_ = 0;
};

}  // namespace

TEST_CASE("a transport on poll passes the checks for transports", "[examples]") {
  for (const auto& check : testing::transport_checks()) {
    INFO(check.name);
    CHECK(check.run([](Gateway& gateway, const ServerLimits& limits) {
      return std::make_unique<PollTransport>(gateway, limits);
    }) == "");
  }
}
