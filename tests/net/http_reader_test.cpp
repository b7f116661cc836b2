// SPDX-License-Identifier: MIT
#include "net/stage/http_reader.hpp"

#include <string>
#include <vector>

#include "support/blocking_client.hpp"
#include "support/catch.hpp"

using namespace sluice;
using net::HttpReader;

namespace {

// Feeds the pieces and writes down what comes out.
std::string read(const std::vector<std::string>& pieces) {
  const ServerLimits limits;
  HttpReader reader(limits);
  std::string story;
  for (const std::string& piece : pieces) {
    std::string_view input = piece;
    for (bool more = true; more;) {
      switch (reader.next(input)) {
        case HttpReader::Step::need_more: more = false; break;
        case HttpReader::Step::expects_continue: story += "continue; "; break;
        case HttpReader::Step::request:
          story += reader.head().method + " " + reader.head().request.raw_path + " [" + reader.take_body() + "]; ";
          break;
        case HttpReader::Step::upgrade: return story + "upgrade, then [" + std::string(input) + "]";
        case HttpReader::Step::refused: return story + "refused " + std::to_string(reader.refusal().status);
      }
    }
  }
  return reader.begun() ? story + "begun" : story;
}

std::string at_every_byte(const std::string& bytes) {
  const std::string whole = read({bytes});
  std::vector<std::string> single;
  for (const char byte : bytes) single.emplace_back(1, byte);
  // An upgrade ends the reading: later bytes are not consumed.
  const auto story = [](std::string text) { return text.substr(0, text.find(", then")); };
  CHECK(story(read(single)) == story(whole));
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    CAPTURE(cut);
    CHECK(story(read({bytes.substr(0, cut), bytes.substr(cut)})) == story(whole));
  }
  return whole;
}

}  // namespace

TEST_CASE("requests come one after the other, each with its body", "[net]") {
  CHECK(at_every_byte("GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
                      "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
                      "POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
                      "HEAD /d HTTP/1.1\r\nHost: x\r\n\r\n") == "GET /a []; POST /b [hello]; POST /c []; HEAD /d []; ");
}

TEST_CASE("an announced body is requested with 100 Continue", "[net]") {
  CHECK(at_every_byte("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi") ==
        "continue; POST /b [hi]; ");
}

TEST_CASE("an upgrade leaves the frames behind it alone", "[net]") {
  CHECK(at_every_byte(test::BlockingClient::upgrade_request() + "\x81\x80") == "upgrade, then [\x81\x80]");
}

TEST_CASE("a reader knows whether a request has begun", "[net]") {
  CHECK(read({"GET / HT"}) == "begun");
  CHECK(read({"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel"}) == "begun");
  CHECK(read({"GET / HTTP/1.1\r\nHost: x\r\n\r\n"}) == "GET / []; ");
  CHECK(read({}) == "");
}

TEST_CASE("a malformed request is refused with its status", "[net]") {
  CHECK(at_every_byte("\x16\x03\x01 hello, this is TLS\r\n\r\n") == "refused 400");
  CHECK(at_every_byte("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n") == "refused 413");
  CHECK(at_every_byte("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n") ==
        "refused 426");
}
