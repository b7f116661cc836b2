// SPDX-License-Identifier: MIT
// The certificates of a server, clients' certificates, and changes of both while it serves.
#include "sluice/net/tls_context.hpp"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "net/support/served.hpp"
#include "net/support/tls_client.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

TlsContext context_for(const Issued& issued, TlsOptions options = {}) {
  return TlsContext::from_pem(issued.certificate, issued.key, std::move(options)).value();
}

// The name in the certificate that the server shows to who asks for this host.
std::string shown_to(std::uint16_t port, const std::string& host) {
  TlsClient::Options options;
  options.host = host;
  TlsClient client(port, options);
  const std::string failure = client.shake_hands();
  return failure.empty() ? client.server_name() : failure;
}

class Files {
 public:
  Files() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-tls-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~Files() { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void write(const std::string& name, std::string_view text) const { std::ofstream(path(name)) << text; }
  void write(const Issued& issued) const {
    write("chain.pem", issued.certificate);
    write("key.pem", issued.key);
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace

TEST_CASE("a host that a client asks for shows its own certificate", "[net]") {
  const Authority authority;
  Served served;
  auto tls = context_for(authority.issue("first"));
  const auto b = authority.issue("b"), any = authority.issue("any");
  REQUIRE(tls.add_host_pem("B.example", b.certificate, b.key));
  REQUIRE(tls.add_host_pem("*.any.example", any.certificate, any.key));
  const auto port = served.listen(tls);
  CHECK(shown_to(port, "") == "CN=first,O=Sluice");
  CHECK(shown_to(port, "unknown.example") == "CN=first,O=Sluice");
  CHECK(shown_to(port, "b.example") == "CN=b,O=Sluice");
  CHECK(shown_to(port, "b.EXAMPLE") == "CN=b,O=Sluice");
  CHECK(shown_to(port, "c.b.example") == "CN=first,O=Sluice");
  CHECK(shown_to(port, "x.any.example") == "CN=any,O=Sluice");
  CHECK(shown_to(port, "x.y.any.example") == "CN=first,O=Sluice");
  CHECK(shown_to(port, "any.example") == "CN=first,O=Sluice");
  const auto later = authority.issue("later");
  REQUIRE(tls.add_host_pem("b.example", later.certificate, later.key));
  CHECK(shown_to(port, "b.example") == "CN=later,O=Sluice");
  REQUIRE(tls.replace_pem(b.certificate, b.key));
  CHECK(shown_to(port, "unknown.example") == "CN=b,O=Sluice");
  CHECK(shown_to(port, "x.any.example") == "CN=any,O=Sluice");
}

TEST_CASE("a client that verifies is content with a chain from the leaf to the authority", "[net]") {
  const Authority authority;
  const auto issued = authority.issue("localhost");
  Served served;
  TlsClient::Options options;
  options.authority = authority.certificate();
  const auto port = served.listen(context_for({issued.certificate + authority.certificate(), issued.key}));
  TlsClient client(port, options);
  CHECK(client.shake_hands() == "");
  CHECK(sk_X509_num(SSL_get_peer_cert_chain(client.session())) == 2);
  const Authority other;
  options.authority = other.certificate();
  TlsClient doubtful(port, options);
  CHECK(doubtful.shake_hands().ends_with("certificate verify failed"));
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.tls_failed == 1; }));
}

TEST_CASE("a client's certificate lands in the scope", "[net]") {
  const Authority authority, stranger("Stranger");
  const auto version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const auto clients = GENERATE(TlsOptions::Clients::may_identify, TlsOptions::Clients::must_identify);
  const bool must = clients == TlsOptions::Clients::must_identify;
  CAPTURE(version, must);
  TlsOptions asks;
  asks.clients = clients;
  asks.client_authorities = authority.certificate();
  Served served;
  const auto port = served.listen(context_for(authority.issue("localhost"), asks));
  TlsClient::Options options;
  options.version = version;

  SECTION("signed by the authority") {
    const auto ann = authority.issue("ann", "DNS:ann.example,DNS:a.example,email:ann@example.org,URI:urn:ann");
    options.identity = &ann;
    sluice::Owned<SSL_SESSION, SSL_SESSION_free> ticket;
    for (const bool resumed : {false, true}) {
      options.resumed = ticket.get();
      TlsClient client(port, options);
      REQUIRE(client.upgrade("/ann").starts_with("HTTP/1.1 101"));
      CHECK(bool(SSL_session_reused(client.session())) == resumed);
      served.gateway.with("/ann", [](Door& door) {
        const auto* who = door.scope.find<ClientCertificate>();
        REQUIRE(who);
        CHECK(who->subject == "CN=ann,O=Sluice");
        CHECK(who->common_name == "ann");
        CHECK(who->issuer == "CN=Test Authority,O=Sluice");
        CHECK(who->dns_names == std::vector<std::string>{"ann.example", "a.example"});
        CHECK(who->emails == std::vector<std::string>{"ann@example.org"});
        CHECK(who->uris == std::vector<std::string>{"urn:ann"});
        CHECK(who->fingerprint.size() == 64);
      });
      client.say("ticket?");
      CHECK(client.hear() == "text ticket?");
      client.close_notify();  // or OpenSSL won't have its session resumed
      ticket.reset(SSL_get1_session(client.session()));
    }
  }
  SECTION("none") {
    TlsClient client(port, options);
    const std::string answer = client.upgrade("/none");
    if (must) {
      CHECK(answer.find("HTTP/") == std::string::npos);
      CHECK(client.failure() != "");
      CHECK(served.comes_to([](const ServerStats& stats) { return stats.tls_failed == 1; }));
      CHECK(served.gateway.heard.lines().empty());
    } else {
      CHECK(answer.starts_with("HTTP/1.1 101"));
      served.gateway.with("/none", [](Door& door) { CHECK(door.scope.find<ClientCertificate>() == nullptr); });
    }
  }
  SECTION("signed by somebody else, and the client learns that") {
    const auto eve = stranger.issue("ann");
    options.identity = &eve;
    TlsClient client(port, options);
    client.upgrade("/eve");
    CHECK(client.failure().find("unknown ca") != std::string::npos);
    CHECK(served.comes_to([](const ServerStats& stats) { return stats.tls_failed == 1; }));
    CHECK(served.gateway.heard.lines().empty());
  }
}

TEST_CASE("a client that is not asked for a certificate has none", "[net]") {
  const Authority authority;
  Served served;
  const auto port = served.listen(context_for(authority.issue("localhost")));
  const auto ann = authority.issue("ann");
  TlsClient::Options options;
  options.identity = &ann;
  TlsClient client(port, options);
  REQUIRE(client.upgrade("/").starts_with("HTTP/1.1 101"));
  served.gateway.with("/", [](Door& door) { CHECK(door.scope.find<ClientCertificate>() == nullptr); });
}

TEST_CASE("a reload shows the files' new certificates, and open connections stay", "[net]") {
  const Authority authority;
  const Files files;
  files.write(authority.issue("old"));
  auto tls = TlsContext::from_files(files.path("chain.pem"), files.path("key.pem")).value();
  Served served;
  const auto port = served.listen(tls);
  TlsClient open(port);
  REQUIRE(open.upgrade("/").starts_with("HTTP/1.1 101"));
  const auto renewed = authority.issue("new");

  files.write("chain.pem", renewed.certificate);  // and the key is still the old one
  const auto halfway = tls.reload();
  REQUIRE_FALSE(halfway);
  CHECK(halfway.error().code() == ErrorCode::invalid_argument);
  CHECK(shown_to(port, "") == "CN=old,O=Sluice");

  files.write(renewed);
  REQUIRE(tls.reload());
  CHECK(shown_to(port, "") == "CN=new,O=Sluice");
  open.say("still here");
  CHECK(open.hear() == "text still here");

  std::filesystem::remove(files.path("key.pem"));
  const auto gone = tls.reload();
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code() == ErrorCode::io_failed);
  CHECK(gone.error().message().find(files.path("key.pem")) != std::string::npos);
  CHECK(shown_to(port, "") == "CN=new,O=Sluice");
}

TEST_CASE("certificates change under load, and every handshake sees an old or a new one", "[net]") {
  const Authority authority;
  const auto a = authority.issue("a"), b = authority.issue("b");
  auto tls = context_for(a);
  Served served({}, 2);
  const auto port = served.listen(tls);
  std::atomic<bool> done{false};
  std::atomic<int> failures{0};
  std::thread changing([&] {
    for (int i = 0; !done; ++i) {
      const Issued& next = i % 2 ? a : b;
      if (!tls.replace_pem(next.certificate, next.key) || !tls.add_host_pem("h.example", next.certificate, next.key)) {
        ++failures;
      }
      if (tls.reload().has_value() == false) ++failures;
      if (tls.replace_pem(next.certificate, "no key")) ++failures;
    }
  });
  int odd = 0;
  for (int i = 0; i < 150; ++i) {
    const std::string name = shown_to(port, i % 2 ? "h.example" : "");
    if (name != "CN=a,O=Sluice" && name != "CN=b,O=Sluice") ++odd;
  }
  done = true;
  changing.join();
  CHECK(odd == 0);
  CHECK(failures == 0);
}

TEST_CASE("certificates that can't be used are refused with a sentence", "[net]") {
  const Authority authority;
  const auto good = authority.issue("good"), other = authority.issue("other");
  const auto said = [](const Result<TlsContext>& result) {
    return result ? std::string("fine") : result.error().message();
  };
  CHECK(said(TlsContext::from_pem(good.certificate, good.key)) == "fine");
  CHECK(said(TlsContext::from_pem("", good.key)) == "invalid_argument: tls: the certificate chain: no start line");
  CHECK(said(TlsContext::from_pem(good.certificate, "")).starts_with("invalid_argument: tls: the key: "));
  CHECK(said(TlsContext::from_pem(good.certificate, other.key)) ==
        "invalid_argument: tls: the key: key values mismatch");
  std::string broken = good.certificate;
  broken.insert(broken.size() / 2, "@@@@");
  CHECK(said(TlsContext::from_pem(broken, good.key)).starts_with("invalid_argument: tls: the certificate chain: "));
  CHECK(said(TlsContext::from_pem(good.certificate + broken, good.key))
            .starts_with("invalid_argument: tls: the certificate chain: "));
  CHECK(said(TlsContext::from_files("/nowhere/chain.pem", "/nowhere/key.pem")) ==
        "io_failed: tls: read \"/nowhere/chain.pem\": No such file or directory");
  TlsOptions asks;
  asks.clients = TlsOptions::Clients::must_identify;
  CHECK(said(TlsContext::from_pem(good.certificate, good.key, asks)) ==
        "invalid_argument: tls: the client authorities: no start line");
  auto tls = context_for(good);
  CHECK_FALSE(tls.add_host_pem("", good.certificate, good.key));
  CHECK_FALSE(tls.add_host_files("b.example", "/nowhere", "/nowhere"));
  CHECK(tls.reload());
}

TEST_CASE("a folder or something endless in the place of a file is refused, and the old certificate stays", "[net]") {
  const Authority authority;
  const Files files;
  files.write(authority.issue("localhost"));
  auto tls = TlsContext::from_files(files.path("chain.pem"), files.path("key.pem"));
  REQUIRE(tls);
  for (const auto* const place : {"chain.pem", "key.pem"}) {
    std::filesystem::rename(files.path(place), files.path("aside"));
    std::filesystem::create_directory(files.path(place));
    const auto folder = tls->reload();
    std::filesystem::remove(files.path(place));
    std::filesystem::create_symlink("/dev/zero", files.path(place));
    const auto endless = tls->reload();
    std::filesystem::remove(files.path(place));
    std::filesystem::rename(files.path("aside"), files.path(place));
    REQUIRE_FALSE(folder);
    CHECK(folder.error().code() == ErrorCode::io_failed);
    CHECK(folder.error().context().find("Is a directory") != std::string::npos);
    REQUIRE_FALSE(endless);
    CHECK(endless.error().context().find("more than 16 MiB") != std::string::npos);
  }
  CHECK(tls->reload());
  Served served;
  CHECK(shown_to(served.listen(*tls), "localhost") == "CN=localhost,O=Sluice");
}

TEST_CASE("a key with a passphrase is refused without a prompt", "[net]") {
  const Authority authority;
  const auto issued = authority.issue("good");
  const sluice::Owned<BIO, BIO_free_all> in(BIO_new_mem_buf(issued.key.data(), static_cast<int>(issued.key.size())));
  const sluice::Owned<EVP_PKEY, EVP_PKEY_free> key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  const sluice::Owned<BIO, BIO_free_all> out(BIO_new(BIO_s_mem()));
  char phrase[] = "secret";
  REQUIRE(PEM_write_bio_PrivateKey(out.get(), key.get(), EVP_aes_128_cbc(), nullptr, 0, nullptr, phrase) == 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out.get(), &bytes);
  const auto refused = TlsContext::from_pem(issued.certificate, std::string(bytes, static_cast<std::size_t>(size)));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message().starts_with("invalid_argument: tls: the key: "));
}

TEST_CASE("a server that has stopped listens with TLS no more", "[net]") {
  const Authority authority;
  Served served;
  served.server.stop();
  const auto listening = served.server.listen("127.0.0.1", 0, context_for(authority.issue("localhost")));
  REQUIRE_FALSE(listening);
  CHECK(listening.error().code() == ErrorCode::refused);
}
