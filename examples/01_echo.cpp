// SPDX-License-Identifier: MIT
// The smallest server: whatever a client says, text or binary, it hears again.
#include <fmt/format.h>

#include <algorithm>

#include "sluice/consumer/host.hpp"
#include "sluice/net/asio_executors.hpp"
#include "sluice/net/asio_server.hpp"
#include "sluice/net/signals.hpp"
#include "support/options.hpp"

namespace {

class Echo final : public sluice::Consumer {
 public:
  sluice::Task<> receive(const sluice::Message& message) override {
    send(message.kind(), message.data());
    return {};
  }
};

// With a certificate, for wss:// and https://.
sluice::Result<std::uint16_t> listen_at(sluice::AsioServer& server, const Listen& listen,
                                        const std::string& certificate, const std::string& key) {
  if (certificate.empty()) return server.listen(listen.host, listen.port);
  const auto tls = sluice::TlsContext::from_files(certificate, key);
  if (!tls) return tls.error();
  return server.listen(listen.host, listen.port, *tls);
}

}  // namespace

int main(int argc, char** argv) try {
  Listen listen;
  std::size_t max_message_bytes = std::size_t{64} << 20U;
  bool keep_windows = false;
  std::string certificate, key;
  Options("An echo of whatever is said", listen)
      .add("--max-message-bytes", max_message_bytes, "a longer message ends its connection with 1009")
      .add("--keep-windows", keep_windows, "messages are compressed with a window for each connection")
      .add("--tls-certificate", certificate, "speak TLS: a PEM file, the certificate and those behind it")
      .add("--tls-key", key, "its key, a PEM file")
      .parse(argc, argv);
  sluice::StopSignals signals;

  sluice::Limits limits;
  limits.message_bytes = max_message_bytes;
  // What a client has not read yet of its own echo may wait here: at least one message of the largest size.
  limits.queued_bytes = std::max(limits.queued_bytes, 2 * max_message_bytes);

  sluice::AsioExecutors executors(listen.thread_count());
  sluice::Host host(sluice::consumer<Echo>(), {.limits = limits});
  sluice::DeflateOptions deflate;
  if (keep_windows) deflate.server_context = deflate.client_context = sluice::DeflateContext::per_connection;
  sluice::AsioServer server(executors, host, {.limits = limits, .deflate = deflate});
  const auto port = listen_at(server, listen, certificate, key);
  if (!port) throw std::runtime_error(port.error().message());
  announce(listen.host, *port, certificate.empty() ? "http" : "https");

  signals.wait();
  server.stop();
  server.wait();
  executors.stop();
  executors.join();
} catch (const std::exception& error) {
  fmt::print(stderr, "01_echo: {}\n", error.what());
  return 1;
}
