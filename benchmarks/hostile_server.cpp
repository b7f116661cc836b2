// SPDX-License-Identifier: MIT
// The server of `benchmarks/run hostile`: every door that an attacker may knock at, with the limits of a new program
//
// /sub and /pub are for honest clients. the other paths are what the attackers ask for.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <string>

#include "sluice/auth/jwt_verifier.hpp"
#include "sluice/auth/origin_check.hpp"
#include "sluice/auth/token_auth.hpp"
#include "sluice/consumer/consumer.hpp"
#include "sluice/consumer/host.hpp"
#include "sluice/consumer/router.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/net/asio_executors.hpp"
#include "sluice/net/asio_server.hpp"
#include "sluice/net/signals.hpp"
#include "sluice/page/core_consumer.hpp"
#include "sluice/page/page.hpp"
#include "sluice/page/page_registry.hpp"
#include "support/options.hpp"

namespace {

using sluice::Consumer;
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
    (void)layer().group_send(everyone,
                             sluice::Event::broadcast_to_group(sluice::json::Text(std::string(message.data()))));
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

class Sink : public Consumer {
 public:
  Task<> receive(const Message&) override { return {}; }
};

class Failing : public Consumer {
 public:
  Task<> receive(const Message&) override { throw std::runtime_error("this handler always fails"); }
};

struct NoteParameters {
  std::string name;
  static constexpr auto fields() { return sluice::fields(sluice::field("name", &NoteParameters::name)); }
};

class NotePage final : public sluice::Page<NoteParameters> {
 public:
  NotePage() : Page("note") {}
  Task<bool> can_add(const sluice::Scope&, const NoteParameters&) override { co_return true; }
  // The names are long and chosen by the client; the group's name is not.
  std::string group_name(const NoteParameters& page) const override {
    return fmt::format("note-{:x}", std::hash<std::string>{}(page.name));
  }
};

std::shared_ptr<sluice::TokenAuth> token_auth(const std::string& public_key) {
  auto verifier = std::make_shared<sluice::JwtVerifier>(sluice::JwtOptions{
      .algorithms = {sluice::JwtAlgorithm::rs256}, .keys = {sluice::JwtKey::rsa_public_pem(public_key, "current")}});
  return std::make_shared<sluice::TokenAuth>(std::move(verifier), std::make_shared<sluice::ClaimUser>());
}

}  // namespace

int main(int argc, char** argv) try {
  Listen listen;
  std::string public_key;
  Options("The server of `benchmarks/run hostile`: every door that an attacker may knock at", listen)
      .add("--public-key", public_key, "the RSA key of /members, as PEM")
      .parse(argc, argv);
  sluice::StopSignals signals;

  sluice::AsioExecutors executors(listen.thread_count());
  sluice::InMemoryChannelLayer layer(executors);
  auto pages = std::make_shared<sluice::PageRegistry>();
  if (const auto added = pages->add(std::make_shared<NotePage>()); !added)
    throw std::runtime_error(added.error().message());

  auto members = std::make_shared<sluice::Router>();
  members->re_path("", sluice::consumer<sluice::CoreConsumer>(pages));
  auto local = std::make_shared<sluice::Router>();
  local->re_path("", sluice::consumer<Sink>());
  auto routes = std::make_shared<sluice::Router>();
  routes->path("sub", sluice::consumer<Subscriber>());
  routes->path("pub", sluice::consumer<Publisher>());
  routes->path("echo", sluice::consumer<Echo>());
  routes->path("sink", sluice::consumer<Sink>());
  routes->path("failing", sluice::consumer<Failing>());
  routes->path("rooms/<slug:building>-<slug:floor>-<slug:door>/", sluice::consumer<Sink>());
  routes->path("members", sluice::with(token_auth(public_key), members));
  routes->path("local", sluice::with(std::make_shared<sluice::OriginCheck>(sluice::OriginCheck::local_hosts()), local));
  sluice::Host host(routes, layer);

  sluice::AsioServer server(executors, host);
  const auto port = server.listen(listen.host, listen.port);
  if (!port) {
    fmt::print(stderr, "{}\n", port.error().message());
    return 1;
  }
  announce(listen.host, *port, "http");
  signals.wait();
  server.stop();
  server.wait();
} catch (const std::exception& error) {
  fmt::print(stderr, "hostile_server: {}\n", error.what());
  return 1;
}
