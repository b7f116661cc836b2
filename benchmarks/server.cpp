// SPDX-License-Identifier: MIT
// The server that load generators drive: /sub hears what /pub says, /echo sends everything back
//
// Ordinary consumers on the in-memory layer with the usual limits. Nothing here is faster than what a user writes.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "sluice/consumer/consumer.hpp"
#include "sluice/consumer/host.hpp"
#include "sluice/consumer/router.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/net/asio_executors.hpp"
#include "sluice/net/asio_server.hpp"
#include "sluice/net/signals.hpp"
#include "support/options.hpp"

namespace {

using sluice::Consumer;
using sluice::Event;
using sluice::Message;
using sluice::Task;

constexpr std::string_view everyone = "bench";

class Subscriber : public Consumer {
 public:
  std::span<const std::string_view> groups() const override { return {&everyone, 1}; }
};

class Publisher : public Consumer {
 public:
  Task<> receive(const Message& message) override {
    (void)layer().group_send(everyone, Event::broadcast_to_group(sluice::json::Text(std::string(message.data()))));
    return {};
  }
};

class Echo : public Consumer {
 public:
  Task<> receive(const Message& message) override {
    send(message.kind(), message.data());
    return {};
  }
};

sluice::Result<std::uint16_t> listen_at(sluice::AsioServer& server, const Listen& listen,
                                        const std::string& certificate, const std::string& key) {
  if (certificate.empty()) return server.listen(listen.host, listen.port);
  const auto tls = sluice::TlsContext::from_files(certificate, key);
  if (!tls) return tls.error();
  return server.listen(listen.host, listen.port, *tls);
}

}  // namespace

int main(int argc, char** argv) {
  Listen listen;
  std::string certificate, key;
  Options("The server that load generators drive: /sub hears what /pub says, /echo sends everything back", listen)
      .add("--tls-certificate", certificate, "speak TLS: a PEM file, the certificate and those behind it")
      .add("--tls-key", key, "its key, a PEM file")
      .parse(argc, argv);
  sluice::StopSignals signals;

  sluice::AsioExecutors executors(listen.thread_count());
  sluice::InMemoryChannelLayer layer(executors);
  auto routes = std::make_shared<sluice::Router>();
  routes->re_path("^sub", sluice::consumer<Subscriber>());
  routes->re_path("^pub", sluice::consumer<Publisher>());
  routes->re_path("^echo", sluice::consumer<Echo>());
  sluice::Host host(routes, layer);

  sluice::AsioServer server(executors, host);
  const auto port = listen_at(server, listen, certificate, key);
  if (!port) {
    fmt::print(stderr, "{}\n", port.error().message());
    return 1;
  }
  announce(listen.host, *port, certificate.empty() ? "http" : "https");
  signals.wait();
  server.stop();
  server.wait();
  executors.stop();
  executors.join();
}
