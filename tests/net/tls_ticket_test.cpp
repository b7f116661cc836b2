// SPDX-License-Identifier: MIT
// How long a client with a certificate may resume with a ticket.
#include <chrono>
#include <memory>
#include <string>

#include "net/support/clock.hpp"
#include "net/support/served.hpp"
#include "net/support/tls_client.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

// Says by which name it knows the client.
class WhoAsks : public HttpHandler {
 public:
  Task<HttpResponse> handle(const HttpRequest& request) override {
    const auto* who = request.scope().find<ClientCertificate>();
    return HttpResponse(200, who ? who->common_name : "nobody");
  }
};

using Session = sluice::Owned<SSL_SESSION, SSL_SESSION_free>;

struct Visit {
  std::string answer;  // "ann", "nobody", "403", or why there is no TLS
  bool resumed = false;
  Session ticket;
};

class Devices {
 public:
  explicit Devices(int version, std::chrono::seconds certificate_life, TlsOptions tls = {})
      : version_(version), ann_(authority_.issue("ann", "email:ann@example.org", certificate_life)) {
    tls.clients = TlsOptions::Clients::may_identify;
    tls.client_authorities = authority_.certificate();
    const auto server = authority_.issue("localhost");
    AsioServerOptions options;
    options.http = &handler_;
    served_ = std::make_unique<Served>(options);
    port_ = served_->listen(TlsContext::from_pem(server.certificate, server.key, tls).value());
  }
  std::unique_ptr<TlsClient> connect(SSL_SESSION* ticket = nullptr) const {
    TlsClient::Options options;
    options.version = version_;
    options.identity = &ann_;
    options.resumed = ticket;
    return std::make_unique<TlsClient>(port_, options);
  }
  static std::string ask(TlsClient& client) {
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const std::string head = client.read_until("\r\n\r\n");
    if (!head.starts_with("HTTP/1.1 200")) return head.starts_with("HTTP/1.1 ") ? head.substr(9, 3) : "no answer";
    return head.find("Content-Length: 3") != head.npos ? client.read_exactly(3) : client.read_exactly(6);
  }
  Visit visit(SSL_SESSION* ticket = nullptr) const {
    const auto client = connect(ticket);
    Visit visit;
    visit.answer = ask(*client);
    visit.resumed = SSL_session_reused(client->session()) == 1;
    visit.ticket.reset(SSL_get1_session(client->session()));
    client->close_notify();  // or OpenSSL takes the session for a broken one
    return visit;
  }

 private:
  const int version_;
  const Authority authority_;
  const Issued ann_;
  WhoAsks handler_;
  std::unique_ptr<Served> served_;
  std::uint16_t port_ = 0;
};

}  // namespace

TEST_CASE("a ticket does not outlive the certificate of its client", "[net]") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  ClockAhead clock;
  const Devices devices(version, 1h);
  const Visit first = devices.visit();
  CHECK(first.answer == "ann");
  CHECK_FALSE(first.resumed);
  clock.move_to(50min);
  const Visit second = devices.visit(first.ticket.get());
  CHECK(second.answer == "ann");
  CHECK(second.resumed);
  clock.move_to(61min);
  const Visit third = devices.visit(second.ticket.get());
  CHECK(third.answer != "ann");
  CHECK_FALSE(third.resumed);
}

TEST_CASE("renewed tickets expire at a fixed time after the full handshake", "[net]") {
  ClockAhead clock;
  TlsOptions options;
  options.resumable_for = 10h;
  const Devices devices(TLS1_3_VERSION, 1000h, options);
  Visit last = devices.visit();
  for (const auto time : {110min, 220min, 330min, 440min, 550min}) {  // a ticket of its own lasts two hours
    clock.move_to(time);
    last = devices.visit(last.ticket.get());
    CHECK(last.resumed);
    CHECK(last.answer == "ann");
  }
  clock.move_to(11h);
  last = devices.visit(last.ticket.get());
  CHECK_FALSE(last.resumed);
  CHECK(last.answer == "ann");  // its certificate was shown and looked at
  clock.move_to(12h);
  CHECK(devices.visit(last.ticket.get()).resumed);
}

TEST_CASE("with a ticket lifetime of 0 there are no tickets", "[net]") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  TlsOptions options;
  options.resumable_for = 0s;
  const Devices devices(version, 1h, options);
  const Visit first = devices.visit();
  CHECK(first.answer == "ann");
  CHECK_FALSE(devices.visit(first.ticket.get()).resumed);
  options.resumable_for = 8 * 24h;
  const auto refused = TlsContext::from_pem("", "", options);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().context().find("resumable_for") != std::string::npos);
}

TEST_CASE("a certificate that expires between two requests of a connection is refused at the second", "[net]") {
  ClockAhead clock;
  const Devices devices(TLS1_3_VERSION, 1h);
  const auto client = devices.connect();
  CHECK(Devices::ask(*client) == "ann");
  CHECK(Devices::ask(*client) == "ann");
  clock.move_to(2h);
  CHECK(Devices::ask(*client) == "403");
}
