// SPDX-License-Identifier: MIT
#include "net/stage/request_rules.hpp"

#include <stdexcept>
#include <string>

#include "net/support/proxied.hpp"
#include "net/support/served.hpp"
#include "sluice/core/log.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

std::string status_of(Served& served, std::string_view path, std::string_view more_headers = {},
                      std::string_view host = "localhost") {
  auto client = served.connect();
  client.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n" +
              std::string(more_headers) + "Connection: close\r\n\r\n");
  return client.read_to_end().substr(9, 3);
}

}  // namespace

TEST_CASE("a path is ambiguous where two programs may read it otherwise", "[net]") {
  for (const auto* path : {"//internal", "/a//b", "/a//", "/%2Finternal", "/a%2fb", "/a%5Cb", "/a\\b", "/.", "/..",
                           "/a/./b", "/a/../b", "/a/%2e%2E", "/a/.%2e/b"}) {
    CAPTURE(path);
    CHECK(net::is_ambiguous_path(path));
  }
  for (const auto* path :
       {"/", "/ws/core/", "/a.b/..c/...", "/a/.well-known", "/%20", "/caf\xc3\xa9", "/a%", "*", ""}) {
    CAPTURE(path);
    CHECK_FALSE(net::is_ambiguous_path(path));
  }
}

TEST_CASE("behind trusted proxies ambiguous paths are refused, elsewhere if asked for", "[net]") {
  Served direct;
  CHECK(status_of(direct, "//a") == "404");
  Served proxied(behind({"127.0.0.1"}));
  CHECK(status_of(proxied, "//a") == "400");
  CHECK(status_of(proxied, "/a%2Fb") == "400");
  CHECK(status_of(proxied, "/a/b") == "404");
  CHECK(proxied.connect().upgrade("/a%2Fb").starts_with("HTTP/1.1 400"));
  AsioServerOptions options = behind({"127.0.0.1"});
  options.refuse_ambiguous_paths = false;
  Served lenient(options);
  CHECK(status_of(lenient, "//a") == "404");
  options = {};
  options.refuse_ambiguous_paths = true;
  Served strict(options);
  CHECK(status_of(strict, "//a") == "400");
}

TEST_CASE("a request with two Authorizations is refused", "[net]") {
  Served served;
  CHECK(status_of(served, "/", "Authorization: Bearer a\r\n") == "404");
  CHECK(status_of(served, "/", "Authorization: Bearer a\r\nAUTHORIZATION: Bearer b\r\n") == "400");
}

TEST_CASE("a server answers for the hosts that it was given, and for no other", "[net]") {
  AsioServerOptions options;
  options.hosts = {"example.org", ".example.net", "127.0.0.1", "[::1]"};
  Served served(options);
  for (const auto* host : {"example.org", "EXAMPLE.org:8000", "example.org.", "example.net", "a.b.example.net:443",
                           "127.0.0.1:8000", "[::1]", "[::1]:8000"}) {
    CAPTURE(host);
    CHECK(status_of(served, "/", {}, host) == "404");
  }
  for (const auto* host : {"evil.example", "aexample.org", "a.example.org", "badexample.net", ".example.net", "",
                           "[::2]", "127.0.0.1.nip.example", "example.org.evil.example"}) {
    CAPTURE(host);
    CHECK(status_of(served, "/", {}, host) == "421");
  }
  CHECK(served.connect().upgrade("/").starts_with("HTTP/1.1 421"));
  CHECK(served.gateway.heard.lines().empty());
}

TEST_CASE("a host that a trusted proxy names is the one that counts", "[net]") {
  AsioServerOptions options = behind({"127.0.0.1"});
  options.hosts = {"example.org"};
  Served served(options);
  CHECK(status_of(served, "/", "X-Forwarded-Host: example.org\r\n", "inner") == "404");
  CHECK(status_of(served, "/", "X-Forwarded-Host: evil.example\r\n", "example.org") == "421");
}

TEST_CASE("a malformed host is not allowed", "[net]") {
  for (const auto* host : {"", ".", "https://example.org", "example.org:443", "example.org/", "*", "a b", "[::1"}) {
    CAPTURE(host);
    CHECK_THROWS_AS(AllowedHosts{host}, std::invalid_argument);
  }
  CHECK(AllowedHosts().include("anything"));
  CHECK(AllowedHosts::loopback().include("localhost:8000"));
  CHECK_FALSE(AllowedHosts::loopback().include("rebound.example"));
}

TEST_CASE("log lines show a path in quotes, whatever is in it", "[net]") {
  struct Throws : HttpHandler {
    Task<HttpResponse> handle(const HttpRequest&) override {
      throw std::runtime_error("bad\n\xe2\x80\xa8\xc2\x9bvalue");
    }
  } handler;
  AsioServerOptions options;
  options.http = &handler;
  const LogCapture log;
  {
    Served served(options);
    CHECK(status_of(served, "/a\xc2\x85\xe2\x80\xa8\xe2\x80\xae\xc2\x9b") == "500");
  }
  CHECK(log.lines() == std::vector<std::string>{
                           R"(http "/a\u0085\u2028\u202e\u009b": the handler threw: bad\u000a\u2028\u009bvalue)"});
}
