// SPDX-License-Identifier: MIT
#include "sluice/auth/origin_check.hpp"

#include <optional>
#include <string>
#include <vector>

#include "auth/support/complaint.hpp"
#include "auth/support/handshake.hpp"
#include "sluice/core/block_on.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"

using namespace sluice;

namespace {

int status(OriginCheck& check, const Handshake& handshake) {
  const test::LogCapture quiet;
  Scope scope = handshake.scope();
  const Verdict verdict = block_on(check.handle(scope));
  return verdict.passed() ? 101 : verdict.denial().http_status();
}

}  // namespace

TEST_CASE("an origin is compared with the allowed ones", "[auth][MW-13][MW-14]") {
  struct Row {
    std::vector<std::string> allowed;
    std::string origin;
    bool passes;
  };
  const std::vector<Row> table = {
      // a host: any scheme, any port
      {{"allowed.example"}, "http://allowed.example", true},
      {{"allowed.example"}, "https://allowed.example:8443", true},
      {{"allowed.example"}, "HTTPS://Allowed.Example", true},
      {{"Allowed.Example"}, "https://allowed.example", true},
      {{"allowed.example"}, "chrome-extension://allowed.example", true},
      {{"allowed.example"}, "http://www.allowed.example", false},
      {{"allowed.example"}, "http://notallowed.example", false},
      {{"allowed.example"}, "http://allowed.example.evil.example", false},
      {{"other.example", "allowed.example"}, "http://allowed.example", true},
      {{"localhost"}, "http://localhost:3000", true},
      {{"127.0.0.1"}, "http://127.0.0.1:3000", true},
      {{"[::1]"}, "http://[::1]:3000", true},
      {{"[::1]"}, "http://[::1]", true},
      {{"[::1]"}, "http://[::2]", false},
      {{"xn--bcher-kva.example"}, "https://xn--bcher-kva.example", true},
      // a domain and its subdomains
      {{".allowed.example"}, "http://allowed.example", true},
      {{".allowed.example"}, "http://www.allowed.example", true},
      {{".allowed.example"}, "http://a.b.allowed.example:81", true},
      {{".allowed.example"}, "http://notallowed.example", false},
      // scheme, host and port
      {{"https://allowed.example"}, "https://allowed.example", true},
      {{"https://allowed.example"}, "https://allowed.example:443", true},
      {{"https://allowed.example:443"}, "https://allowed.example", true},
      {{"https://allowed.example"}, "https://allowed.example:8443", false},
      {{"https://allowed.example"}, "http://allowed.example", false},
      {{"https://allowed.example"}, "http://allowed.example:443", false},
      {{"http://allowed.example"}, "http://allowed.example:80", true},
      {{"http://allowed.example:80"}, "http://allowed.example", true},
      {{"http://allowed.example:8000"}, "http://allowed.example:8000", true},
      {{"http://allowed.example:8000"}, "http://allowed.example", false},
      {{"http://allowed.example:8000"}, "http://allowed.example:80001", false},
      {{"ws://allowed.example"}, "ws://allowed.example:80", true},
      {{"wss://allowed.example"}, "wss://allowed.example:443", true},
      {{"wss://allowed.example"}, "https://allowed.example", false},
      {{"https://.allowed.example"}, "https://www.allowed.example", true},
      {{"https://.allowed.example"}, "https://allowed.example", true},
      {{"https://.allowed.example"}, "http://www.allowed.example", false},
      {{"capacitor://localhost"}, "capacitor://localhost", true},
      {{"capacitor://localhost"}, "capacitor://localhost:1", false},
      {{"http://[::1]:8000"}, "http://[::1]:8000", true},
      // everything
      {{"*"}, "http://anything.example", true},
      {{"allowed.example", "*"}, "http://anything.example", true},
      {{"*"}, "", true},
      {{"*"}, "null", true},
      // nothing
      {{}, "http://allowed.example", false},
      // no origin that a browser would send
      {{"allowed.example"}, "", false},
      {{"allowed.example"}, "null", false},
      {{"allowed.example"}, "allowed.example", false},
      {{"allowed.example"}, "//allowed.example", false},
      {{"allowed.example"}, "http://", false},
      {{"allowed.example"}, "http:///allowed.example", false},
      {{"allowed.example"}, "://allowed.example", false},
      {{"allowed.example"}, "http://allowed.example/", false},
      {{"allowed.example"}, "http://allowed.example/path", false},
      {{"allowed.example"}, "http://allowed.example:", false},
      {{"allowed.example"}, "http://allowed.example:8x", false},
      {{"allowed.example"}, "http://allowed.example:-1", false},
      {{"allowed.example"}, "http://allowed.example:65536", false},
      {{"allowed.example"}, "http://evil.example@allowed.example", false},
      {{"allowed.example"}, "http://allowed.example@evil.example", false},
      {{"allowed.example"}, "http://evil.example\\@allowed.example", false},
      {{"allowed.example"}, "http://allowed.example#.evil.example", false},
      {{"allowed.example"}, "http://evil.example?.allowed.example", false},
      {{".allowed.example"}, "http://evil.example/.allowed.example", false},
      {{".allowed.example"}, "http://.allowed.example", false},
      {{"allowed.example"}, "http://allowed.example http://evil.example", false},
      {{"allowed.example"}, " http://allowed.example", false},
      {{"allowed.example"}, "http://allowed.example\xff", false},
  };
  for (const Row& row : table) {
    CAPTURE(row.allowed, row.origin);
    OriginCheck check(row.allowed);
    CHECK(check.allows(row.origin) == row.passes);
    CHECK(status(check, Handshake().header("origin", row.origin)) == (row.passes ? 101 : 403));
  }
}

TEST_CASE("every beginning of an origin but the whole is foreign", "[auth][MW-14]") {
  const OriginCheck check({"https://allowed.example:8443"});
  const std::string origin = "https://allowed.example:8443";
  for (std::size_t end = 0; end < origin.size(); ++end) {
    CHECK_FALSE(check.allows(std::string_view(origin).substr(0, end)));
  }
  CHECK(check.allows(origin));
}

TEST_CASE("a request without an Origin is accepted only if all origins are", "[auth][MW-14][MW-15]") {
  OriginCheck some({"allowed.example", "https://allowed.example"});
  OriginCheck everybody({"*"});
  CHECK(status(some, Handshake()) == 403);
  CHECK(status(everybody, Handshake()) == 101);
}

TEST_CASE("programs that send no Origin can be allowed, web pages of other hosts are not", "[auth][MW-14]") {
  OriginCheck check({"allowed.example"}, WithoutOrigin::allow);
  CHECK(status(check, Handshake()) == 101);
  CHECK(status(check, Handshake().header("origin", "http://allowed.example")) == 101);
  CHECK(status(check, Handshake().header("origin", "http://evil.example")) == 403);
  CHECK(status(check, Handshake().header("origin", "null")) == 403);
  CHECK(status(check, Handshake().header("origin", "")) == 403);
}

TEST_CASE("of two Origin headers the last one counts", "[auth][MW-14]") {
  OriginCheck check({"allowed.example"});
  const std::string good = "http://allowed.example";
  const std::string evil = "http://evil.example";
  CHECK(status(check, Handshake().header("origin", evil).header("origin", good)) == 101);
  CHECK(status(check, Handshake().header("origin", good).header("origin", evil)) == 403);
}

TEST_CASE("a malformed entry throws and shows how to write it", "[auth][MW-14]") {
  for (const std::string entry : {"",
                                  ".",
                                  "*.allowed.example",
                                  "https://*.allowed.example",
                                  "https://*",
                                  "**",
                                  "allowed.example:8000",
                                  "https://allowed.example/",
                                  "https://allowed.example/path",
                                  "https://",
                                  "https://.",
                                  "://allowed.example",
                                  "https://allowed.example:",
                                  "https://allowed.example:x",
                                  "https://allowed.example:65536",
                                  "..allowed.example",
                                  "allowed example",
                                  "::1",
                                  "[::1]:80",
                                  "bücher.example",
                                  "user@allowed.example",
                                  "1http://allowed.example"}) {
    CAPTURE(entry);
    const std::string complaint = complaint_of([&] { OriginCheck({"localhost", entry}); });
    CHECK(complaint.find("write host, .host for its subdomains too") != complaint.npos);
  }
}

TEST_CASE("a debug build without a list accepts this machine's own names", "[auth][MW-16]") {
  CHECK(OriginCheck::local_hosts() == std::vector<std::string>{"localhost", "127.0.0.1", "[::1]"});
  const OriginCheck check(OriginCheck::local_hosts());
  for (const std::string origin :
       {"http://localhost", "http://localhost:8000", "https://127.0.0.1", "http://[::1]:3000"}) {
    CHECK(check.allows(origin));
  }
  CHECK_FALSE(check.allows("http://evil.example"));
}

TEST_CASE("a foreign origin is logged in quotes, whatever it contains", "[auth][MW-15]") {
  const test::LogCapture log;
  OriginCheck check({"allowed.example"});
  for (const std::string origin : {"http://evil.example", "http://evil.example\nsluice info: all is well"}) {
    Scope scope = Handshake().header("origin", origin).scope();
    block_on(check.handle(scope));
  }
  Scope scope = Handshake().scope();
  block_on(check.handle(scope));
  const std::string from = "refused a connection from 192.0.2.7:51234: its origin is ";
  CHECK(log.lines() == std::vector<std::string>{from + R"("http://evil.example")",
                                                from + R"("http://evil.example\nsluice info: all is well")",
                                                from + "missing"});
}
