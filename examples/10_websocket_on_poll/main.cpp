// SPDX-License-Identifier: MIT
// The chat room on a WebSocket transport of our own: poll(2), and Sluice's protocol without its sockets.
#include <signal.h>

#include <cstdio>

#include "02_chat_room/chat.hpp"
#include "poll_server.hpp"
#include "sluice/consumer/host.hpp"
#include "sluice/consumer/router.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "support/listening.hpp"

int main(int argc, char** argv) try {
  Listen listen;
  Options("Chat rooms on a transport that is not Sluice's", listen).parse(argc, argv);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before there are threads, which inherit it

  auto routes = std::make_shared<sluice::Router>();
  routes->path("ws/chat/<slug:room>/", sluice::consumer<Chat>());
  PollLoops loops(listen.thread_count());
  sluice::InMemoryChannelLayer layer(loops);
  sluice::Host host(routes, layer);
  PollServer server(loops, host);
  server.accept_at(listening_socket(listen));

  int signal = 0;
  ::sigwait(&signals, &signal);
  server.stop();
  server.wait();
  loops.stop();
} catch (const std::exception& error) {
  std::fprintf(stderr, "10_websocket_on_poll: %s\n", error.what());
  return 1;
}
