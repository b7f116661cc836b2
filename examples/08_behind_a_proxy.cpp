// SPDX-License-Identifier: MIT
// A server behind nginx or a load balancer: it tells each client who it is, and sends back what it says.
#include <fmt/format.h>

#include <exception>

#include "sluice/consumer/host.hpp"
#include "sluice/net/asio_executors.hpp"
#include "sluice/net/asio_server.hpp"
#include "sluice/net/signals.hpp"
#include "support/serving.hpp"

namespace {

std::string who(const sluice::Scope& scope) {
  return fmt::format("you are {}, over {}, at {}", scope.client_address(), scope.scheme(),
                     scope.header("host").value_or("no host"));
}

class Mirror final : public sluice::Consumer {
 public:
  sluice::Task<> connect() override {
    accept();
    send_text(who(scope()));
    return {};
  }
  sluice::Task<> receive(const sluice::Message& message) override {
    send(message.kind(), message.data());
    return {};
  }
};

class PlainMirror final : public sluice::HttpHandler {
 public:
  sluice::Task<sluice::HttpResponse> handle(const sluice::HttpRequest& request) override {
    return sluice::HttpResponse(200, who(request.scope()) + '\n');
  }
};

sluice::TrustedProxies trusted_proxies(std::string_view list) {
  sluice::TrustedProxies trusted;
  while (!list.empty()) {
    const std::string_view network = list.substr(0, list.find(','));
    trusted.add(network);
    list.remove_prefix(std::min(network.size() + 1, list.size()));
  }
  return trusted;
}

}  // namespace

int main(int argc, char** argv) try {
  Serving serving;
  std::string trusted = "127.0.0.1";
  bool proxy_protocol = false;
  bool forwarded = false;
  ServerOptions("A server behind a proxy, which tells its clients who they are", serving)
      .add("--trust", trusted, "addresses and networks of the proxies, with commas between")
      .add("--proxy-protocol", proxy_protocol, "they begin each connection with a PROXY header")
      .add("--forwarded", forwarded, "they write Forwarded, not X-Forwarded-For")
      .parse(argc, argv);
  sluice::StopSignals signals;

  sluice::AsioServerOptions options;
  options.reuse_port = serving.reuse_port;
  options.proxies.trusted = trusted_proxies(trusted);
  options.proxies.proxy_protocol = proxy_protocol;
  if (forwarded) options.proxies.headers = sluice::ForwardedHeaders::forwarded;
  options.limits.message_bytes = std::size_t{16} << 20U;
  PlainMirror plain;
  options.http = &plain;

  sluice::AsioExecutors executors(serving.thread_count());
  sluice::Host host(sluice::consumer<Mirror>(), {.limits = {.queued_bytes = 32 << 20}});
  sluice::AsioServer server(executors, host, options);
  start_listening(server, serving);

  signals.wait();
  server.stop(serving.stop_options());
  server.wait();
} catch (const std::exception& error) {
  fmt::print(stderr, "08_behind_a_proxy: {}\n", error.what());
  return 1;
}
