// SPDX-License-Identifier: MIT
// The chat room over a transport of our own: lines of text over plain sockets and poll(), no WebSocket and no Asio.
#include <fmt/format.h>
#include <signal.h>

#include "02_chat_room/chat.hpp"
#include "line_server.hpp"
#include "sluice/consumer/host.hpp"
#include "sluice/consumer/router.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "support/options.hpp"

int main(int argc, char** argv) try {
  Listen listen;
  Options("Chat rooms for line-speaking clients: try nc, and say /ws/chat/lobby/?name=ada first", listen)
      .parse(argc, argv);

  // Signals are for this thread alone: it takes the first from sigwait, when it is ready for it. A second ends the
  // program at once.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  auto routes = std::make_shared<sluice::Router>();
  routes->path("ws/chat/<slug:room>/", sluice::consumer<Chat>());

  PollLoops loops(listen.thread_count());
  sluice::InMemoryChannelLayer layer(loops);
  sluice::Host host(routes, layer);
  LineServer server(loops, host);
  announce(listen.host, server.listen(listen.host, listen.port));

  int signal = 0;
  sigwait(&signals, &signal);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  server.stop();
  loops.stop();
} catch (const std::exception& error) {
  fmt::print(stderr, "05_your_own_transport: {}\n", error.what());
  return 1;
}
