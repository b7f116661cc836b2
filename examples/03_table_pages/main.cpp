// SPDX-License-Identifier: MIT
// A table from a CSV file that several people edit at once: pages, permissions, broadcasts, a web page and an HTTP API.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "accounts.hpp"
#include "api.hpp"
#include "live.hpp"
#include "metrics.hpp"
#include "pages.hpp"
#include "sluice/auth/web_socket_id.hpp"
#include "sluice/consumer/host.hpp"
#include "sluice/consumer/router.hpp"
#include "sluice/json/utf8.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/net/asio_executors.hpp"
#include "sluice/net/asio_server.hpp"
#include "sluice/net/signals.hpp"
#include "sluice/page/core_consumer.hpp"
#include "support/origins.hpp"

namespace {

constexpr std::string_view countries_csv =
#include "countries.csv.inc"
    ;

/// Fills the database with the rows of a file, or of the one that the program carries.
void load(Database& database, const std::filesystem::path& csv) try {
  if (csv.empty()) return database.fill("countries", read_csv(countries_csv));
  std::ifstream file(csv, std::ios::binary);
  if (!file) throw CsvError("it can't be read");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!sluice::json::is_valid_utf8(text)) throw CsvError("it is not UTF-8");
  database.fill(csv.stem().string(), read_csv(text));
} catch (const CsvError& error) {
  throw CsvError(fmt::format("{}: {}", csv.string(), error.what()));
}

}  // namespace

int main(int argc, char** argv) try {
  Serving serving;
  std::string csv, file = ":memory:", secret;
  std::optional<std::uint16_t> metrics_port;
  ServerOptions("A table that several people edit at once", serving)
      .add("--csv", csv, "the table, its first line the column names; countries without it")
      .add("--database", file, "the SQLite file that keeps the table")
      .add("--origins", serving.origins, "web pages of other hosts that may connect: app.example.com,...")
      .add("--any-host", serving.any_host, "answer for every name in Host, behind a proxy for instance")
      .add("--metrics-port", metrics_port, "serve GET /metrics, /healthz and /readyz there, on 127.0.0.1")
      .add("--jwt-secret", secret, "signs and verifies tokens (HS256); without it a random one")
      .parse(argc, argv);
  sluice::StopSignals signals;
  if (secret.empty()) secret = sluice::new_web_socket_id() + sluice::new_web_socket_id();

  Database database(file);
  load(database, csv);
  sluice::AsioExecutors executors(serving.thread_count());
  sluice::WorkerPool database_thread(1);  // what it finishes goes on on an executor, so it ends first
  const Records records{database, database_thread};
  const Pages pages(records);
  const Times times(metrics_port.has_value(), executors);
  sluice::InMemoryChannelLayer layer(executors, {.observers = times.of_layer()});
  Live live(database, pages, layer);

  auto tokens = std::make_shared<sluice::JwtVerifier>(sluice::JwtOptions{.algorithms = {sluice::JwtAlgorithm::hs256},
                                                                         .keys = {sluice::JwtKey::hmac(secret)},
                                                                         .require_exp = false,
                                                                         .allow_short_secret = true});
  auto auth = std::make_shared<sluice::TokenAuth>(tokens, std::make_shared<Accounts>(records));
  auto routes = std::make_shared<sluice::Router>();
  routes->re_path("^ws/core/", sluice::consumer<sluice::CoreConsumer>(pages.registry));

  sluice::Host host(sluice::with(origin_check(serving), sluice::with(auth, routes)), layer,
                    {.observers = times.of_host()});
  Api api(records, live, auth, secret);
  sluice::AsioServer server(executors, host,
                            {.hosts = allowed_hosts(serving),
                             .http = &api,
                             .reuse_port = serving.reuse_port,
                             .observers = times.of_server()});
  start_listening(server, serving);

  Metrics metrics(
      [&](sluice::MetricsText& text) {
        text.add(server.stats()).add(host.stats()).add(layer.stats()).add(pages.registry->stats()).add(auth->stats());
        text.add(times);
      },
      [&] { return sluice::Health().add(server.problems()).add(host.problems()).add(layer.problems()); });
  sluice::Host no_websockets(std::make_shared<sluice::Router>());
  sluice::AsioServer for_operators(executors, no_websockets,
                                   {.hosts = sluice::AllowedHosts::loopback(), .http = &metrics});
  if (metrics_port) {
    const auto port = for_operators.listen("127.0.0.1", *metrics_port);
    if (!port) throw std::runtime_error(port.error().message());
    fmt::print("metrics on http://127.0.0.1:{}/metrics\n", *port);
    std::fflush(stdout);
  }

  signals.wait();
  server.stop(serving.stop_options());
  server.wait();
} catch (const std::exception& error) {
  fmt::print(stderr, "03_table_pages: {}\n", error.what());
  return 1;
}
