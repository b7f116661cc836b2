// SPDX-License-Identifier: MIT
// The smallest server: it sends every message, text or binary, back to its client.
#include "sluice/net/asio_executors.hpp"
#include "sluice/sluice.hpp"
#include "support/serving.hpp"

struct Echo : sluice::Consumer {
  sluice::Task<> receive(const sluice::Message& message) override {
    send(message.kind(), message.data());
    return {};
  }
};

int main(int argc, char** argv) {
  const auto serving = Serving::from("A server that sends every message back", argc, argv);
  sluice::AsioExecutors executors(serving.thread_count());
  sluice::Host host(sluice::consumer<Echo>());
  sluice::AsioServer server(executors, host, {.reuse_port = serving.reuse_port});
  return serve(server, serving);
}
