// SPDX-License-Identifier: MIT
// An echo server with the limits that suites of test cases need: messages of 64 MiB, in up to a million frames.
#include <fmt/format.h>

#include <algorithm>

#include "sluice/consumer/host.hpp"
#include "sluice/net/asio_executors.hpp"
#include "sluice/net/asio_server.hpp"
#include "sluice/net/signals.hpp"
#include "support/serving.hpp"

namespace {

class Echo final : public sluice::Consumer {
 public:
  sluice::Task<> receive(const sluice::Message& message) override {
    send(message.kind(), message.data());
    return {};
  }
};

}  // namespace

int main(int argc, char** argv) try {
  Serving serving;
  std::size_t max_message_bytes = std::size_t{64} << 20U;
  bool keep_windows = false;
  ServerOptions("A server for tests that sends every message back", serving)
      .add("--max-message-bytes", max_message_bytes, "a longer message ends its connection with 1009")
      .add("--keep-windows", keep_windows, "messages are compressed with a window for each connection")
      .parse(argc, argv);
  sluice::StopSignals signals;

  sluice::ServerLimits limits;
  limits.message_bytes = max_message_bytes;
  limits.frames_per_message = 1'000'000;
  // A client may send its largest message before it reads the echo of the last one.
  sluice::ConsumerLimits waiting;
  waiting.queued_bytes = std::max(waiting.queued_bytes, 2 * max_message_bytes);
  waiting.server_queued_bytes = std::max(waiting.server_queued_bytes, 4 * waiting.queued_bytes);

  sluice::AsioExecutors executors(serving.thread_count());
  sluice::Host host(sluice::consumer<Echo>(), {.limits = waiting});
  sluice::DeflateOptions deflate;
  if (keep_windows) deflate.server_context = deflate.client_context = sluice::DeflateContext::per_connection;
  sluice::AsioServer server(executors, host, {.limits = limits, .deflate = deflate, .reuse_port = serving.reuse_port});
  start_listening(server, serving);

  signals.wait();
  server.stop(serving.stop_options());
  server.wait();
} catch (const std::exception& error) {
  fmt::print(stderr, "e2e_echo: {}\n", error.what());
  return 1;
}
