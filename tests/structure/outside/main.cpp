// SPDX-License-Identifier: MIT
// A user's program in small: every library of Sluice is linked, and used.
#include <cstdio>

#include "sluice/auth/origin_check.hpp"
#include "sluice/net/asio_executors.hpp"
#include "sluice/net/asio_server.hpp"
#include "sluice/sluice.hpp"
#include "sluice/testing/communicator.hpp"

class Echo : public sluice::Consumer {
  sluice::Task<> receive(const sluice::Message& message) override {
    send_text(message.data());
    return {};
  }
};

int main() {
  auto origins = std::make_shared<sluice::OriginCheck>(std::vector<std::string>{"*"});
  auto application = sluice::with(origins, sluice::consumer<Echo>());

  sluice::testing::ManualExecutor executor;
  sluice::testing::Communicator client(executor, application, {"/"});
  client.connect();
  client.say("it links");
  std::puts(client.hear().c_str());

  sluice::AsioExecutors executors(1);
  sluice::Host host(application);
  sluice::AsioServer server(executors, host);
  return server.listen("127.0.0.1", 0) ? 0 : 1;
}
