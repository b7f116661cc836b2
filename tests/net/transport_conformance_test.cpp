// SPDX-License-Identifier: MIT
// AsioServer keeps what every transport promises.
#include "sluice/testing/transport_conformance.hpp"
#include "sluice/net/asio_executors.hpp"
#include "sluice/net/asio_server.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace std::chrono_literals;

namespace {

class AsioTransport final : public testing::ServedTransport {
 public:
  AsioTransport(Gateway& gateway, const ServerLimits& limits)
      : server_(executors_, gateway, {.limits = limits}), port_(server_.listen("127.0.0.1", 0).value()) {}
  std::uint16_t port() const override { return port_; }
  void stop(const CloseReason& reason) override { server_.stop({.window = 0ms, .reason = reason}); }
  void wait() override { server_.wait(); }

 private:
  AsioExecutors executors_{2};
  AsioServer server_;
  std::uint16_t port_;
};

}  // namespace

TEST_CASE("AsioServer passes the checks for transports", "[net]") {
  for (const auto& check : testing::transport_checks()) {
    INFO(check.name);
    CHECK(check.run([](Gateway& gateway, const ServerLimits& limits) {
      return std::make_unique<AsioTransport>(gateway, limits);
    }) == "");
  }
}
