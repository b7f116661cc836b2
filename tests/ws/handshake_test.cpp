// SPDX-License-Identifier: MIT
#include "sluice/ws/handshake.hpp"

#include "support/catch.hpp"

using namespace sluice;
using namespace std::string_literals;

namespace {

const std::string sample_key = "dGhlIHNhbXBsZSBub25jZQ==";

// A good handshake, to be spoilt.
struct Request {
  std::string method = "GET";
  std::string version = "HTTP/1.1";
  std::vector<std::string> headers = {"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                                      "Sec-WebSocket-Key: " + sample_key};

  Request& with(std::string line) {
    headers.push_back(std::move(line));
    return *this;
  }
  Request& without(std::string_view name) {
    std::erase_if(headers, [&](const std::string& line) { return line.starts_with(name); });
    return *this;
  }
  Request& instead(std::string line) {
    without(line.substr(0, line.find(':') + 1));
    return with(std::move(line));
  }

  http::Head head() const {
    std::string text = method + " /ws/core/ " + version + "\r\nHost: h\r\n";
    for (const auto& line : headers) text += line + "\r\n";
    text += "\r\n";
    http::HeadParser parser{ServerLimits{}};
    std::string_view input = text;
    REQUIRE(parser.next(input) == http::HeadParser::Step::complete);
    return parser.take_head();
  }
  std::string checked() const {
    const auto check = ws::check_upgrade(head());
    if (std::holds_alternative<ws::PlainRequest>(check)) return "plain";
    if (const auto* refusal = std::get_if<http::Refusal>(&check)) {
      std::string out = std::to_string(refusal->status) + " " + refusal->reason;
      for (const auto& [name, value] : refusal->headers) out += " | " + name + ": " + value;
      return out;
    }
    const auto& upgrade = std::get<ws::Upgrade>(check);
    std::string out = "upgrade " + upgrade.key;
    for (const auto& offer : upgrade.subprotocols) out += " | " + offer;
    for (const auto& offer : upgrade.extensions) {
      out += " | extension " + offer.name;
      for (const auto& [name, value] : offer.parameters) out += "; " + name + (value ? "=" + *value : "");
    }
    return out;
  }
};

const std::string good = "upgrade " + sample_key;

ws::Upgrade offering(std::vector<std::string> subprotocols) { return {sample_key, std::move(subprotocols), {}}; }

}  // namespace

TEST_CASE("the accept key of RFC 6455 section 1.3", "[ws]") {
  CHECK(ws::accept_key(sample_key) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("a good handshake is an upgrade, in any case and order", "[ws]") {
  CHECK(Request().checked() == good);
  CHECK(Request().instead("Upgrade: WebSocket").checked() == good);
  CHECK(Request().instead("Upgrade: h2c, websocket").checked() == good);
  CHECK(Request().instead("Connection: keep-alive, UPGRADE").checked() == good);
  CHECK(Request().instead("Connection: keep-alive").with("Connection: x,upgrade").checked() == good);
  CHECK(Request().with("Content-Length: 0").checked() == good);
  CHECK(Request().instead("Sec-WebSocket-Key: +/8+/8+/8+/8+/8+/8+/8w==").checked() ==
        "upgrade +/8+/8+/8+/8+/8+/8+/8w==");
}

TEST_CASE("extensions that can't be read refuse the handshake", "[ws]") {
  CHECK(Request().with("Sec-WebSocket-Extensions: permessage-deflate;").checked() ==
        "400 Sec-WebSocket-Extensions is not a list of extensions");
}

TEST_CASE("offers and extensions are taken from all their lines, in order", "[ws][SC-1]") {
  CHECK(Request().with("Sec-WebSocket-Protocol: chat, superchat").with("Sec-WebSocket-Protocol: v2.x").checked() ==
        good + " | chat | superchat | v2.x");
  CHECK(Request().with("Sec-WebSocket-Extensions: a; b=1").with("Sec-WebSocket-Extensions: c").checked() ==
        good + " | extension a; b=1 | extension c");
  CHECK(Request().with("Sec-WebSocket-Protocol:").checked() == good);
}

TEST_CASE("headers of the handshake are not kept, the others are unchanged", "[ws][SC-1]") {
  RequestInfo request;
  request.headers = {{"host", "a"},
                     {"upgrade", "websocket"},
                     {"x-upgrade", "1"},
                     {"connection", "Upgrade"},
                     {"cookie", "b=c"},
                     {"sec-websocket-key", "k"},
                     {"cookie", "d=e"},
                     {"sec-websocket-version", "13"},
                     {"sec-websocket-protocol", "p"},
                     {"sec-websocket-extensions", "permessage-deflate"},
                     {"sec-fetch-mode", "websocket"}};
  ws::drop_handshake_headers(request);
  const std::vector<std::pair<std::string, std::string>> left{
      {"host", "a"}, {"x-upgrade", "1"}, {"cookie", "b=c"}, {"cookie", "d=e"}, {"sec-fetch-mode", "websocket"}};
  CHECK(request.headers == left);
}

TEST_CASE("a request that does not mention WebSockets is plain", "[ws]") {
  Request plain;
  plain.headers = {};
  CHECK(plain.checked() == "plain");
  plain.method = "POST";
  CHECK(plain.checked() == "plain");
  CHECK(plain.with("Connection: Upgrade, HTTP2-Settings").with("Upgrade: h2c").checked() == "plain");
  plain.headers = {};
  plain.version = "HTTP/1.0";
  CHECK(plain.checked() == "plain");
}

TEST_CASE("handshakes that are wrong are refused with the right status", "[ws]") {
  for (const auto* method : {"POST", "HEAD", "PUT", "get"}) {
    Request request;
    request.method = method;
    CHECK(request.checked() == "405 a WebSocket is opened with GET | Allow: GET");
  }
  Request old;
  old.version = "HTTP/1.0";
  CHECK(old.checked() == "400 a WebSocket is opened with HTTP/1.1");
  CHECK(Request().without("Upgrade").checked() == "400 Upgrade does not contain websocket");
  CHECK(Request().instead("Upgrade: websockets").checked() == "400 Upgrade does not contain websocket");
  CHECK(Request().without("Connection").checked() == "400 Connection does not contain Upgrade");
  CHECK(Request().instead("Connection: close").checked() == "400 Connection does not contain Upgrade");
  CHECK(Request().with("Content-Length: 5").checked() == "400 a handshake has no body");
}

TEST_CASE("a request for another version is answered with the supported one", "[ws]") {
  const auto other =
      "426 only version 13 of the WebSocket protocol is supported | Upgrade: websocket | Sec-WebSocket-Version: 13";
  for (const auto* version : {"8", "0", "14", "130", "13, 8", "", "thirteen", "013"}) {
    CHECK(Request().instead("Sec-WebSocket-Version: "s + version).checked() == other);
  }
  CHECK(Request().without("Sec-WebSocket-Version").checked() == other);
  CHECK(Request().with("Sec-WebSocket-Version: 13").checked() == other);
}

TEST_CASE("a key is base64 of sixteen bytes, and there is one", "[ws]") {
  const auto bad = "400 Sec-WebSocket-Key is not 16 bytes in base64";
  for (const auto* key : {"", "==", "dGhlIHNhbXBsZSBub25jZQAA==", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=",
                          "dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25jZQa=", "dGhlIHNhbXBsZSBub25jZ===",
                          "dGhlIHNhbXBsZSBub25-ZQ==", "dGhlIHNhbXBs SBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ==, x"}) {
    CHECK(Request().instead("Sec-WebSocket-Key: "s + key).checked() == bad);
  }
  CHECK(Request().without("Sec-WebSocket-Key").checked() == bad);
  CHECK(Request().with("Sec-WebSocket-Key: " + sample_key).checked() == bad);
}

TEST_CASE("subprotocols that are not distinct tokens are refused", "[ws]") {
  for (const auto* offers : {"a b", "a, a", "a;b", "\"a\"", "\xc3\xa9"}) {
    CHECK(Request().with("Sec-WebSocket-Protocol: "s + offers).checked() ==
          "400 Sec-WebSocket-Protocol is not a list of at most 64 distinct tokens");
  }
  CHECK(Request().with("Sec-WebSocket-Protocol: a").with("Sec-WebSocket-Protocol: a").checked() ==
        "400 Sec-WebSocket-Protocol is not a list of at most 64 distinct tokens");
}

TEST_CASE("a list in a handshake has at most 64 elements, however many fit into a head", "[ws]") {
  const auto list = [](std::string_view element, int count, std::string_view between) {
    std::string all;
    for (int i = 0; i < count; ++i) {
      all += std::string(i ? between : "") + std::string(element) + std::to_string(i);
    }
    return all;
  };
  const auto checked = [](const std::string& header, const std::string& value) {
    return Request().with("Sec-WebSocket-" + header + ": " + value).checked().substr(0, 8);
  };
  CHECK(checked("Protocol", list("a", 64, ",")) == "upgrade ");
  CHECK(checked("Protocol", list("a", 65, ",")) == "400 Sec-");
  CHECK(Request()
            .with("Sec-WebSocket-Protocol: " + list("a", 40, ","))
            .with("Sec-WebSocket-Protocol: " + list("b", 40, ","))
            .checked()
            .starts_with("400 "));
  CHECK(checked("Extensions", list("a", 64, ",")) == "upgrade ");
  CHECK(checked("Extensions", list("a", 65, ",")) == "400 Sec-");
  CHECK(checked("Extensions", "x; " + list("a", 64, ";")) == "upgrade ");
  CHECK(checked("Extensions", "x; " + list("a", 65, ";")) == "400 Sec-");
}

TEST_CASE("the answer to an upgrade, without a subprotocol unless one was chosen", "[ws][LC-10]") {
  const std::string begin =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
  CHECK(*ws::accept_response(offering({"chat"}), Acceptance()) == begin + "\r\n");
  CHECK(*ws::accept_response(offering({"chat", "v2"}), Acceptance("v2")) ==
        begin + "Sec-WebSocket-Protocol: v2\r\n\r\n");
}

TEST_CASE("a subprotocol that was not offered is an error of the application", "[ws][LC-10]") {
  for (const auto* chosen : {"v3", "CHAT", "chat,v2"}) {
    const auto response = ws::accept_response(offering({"chat", "v2"}), Acceptance(chosen));
    REQUIRE_FALSE(response);
    CHECK(response.error().message() ==
          "invalid_argument: accept: the client did not offer the subprotocol \""s + chosen + "\"");
  }
}

TEST_CASE("accept adds the application's headers to the 101", "[ws][LC-11]") {
  const auto response = ws::accept_response(offering({}), Acceptance("", {{"X-Node", "a 1"}, {"Set-Cookie", "b=2"}}));
  REQUIRE(response);
  CHECK(response->ends_with("\r\nX-Node: a 1\r\nSet-Cookie: b=2\r\n\r\n"));
}

TEST_CASE("accept() refuses headers that would inject lines, or belong to the handshake", "[ws][LC-11]") {
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"X", "a\r\nEvil: yes"},
                                                                                    {"X", "a\n"},
                                                                                    {"X", "a\r"},
                                                                                    {"X", "\0"s},
                                                                                    {"X", "\x7f"},
                                                                                    {"", "a"},
                                                                                    {"X Y", "a"},
                                                                                    {"X:", "a"},
                                                                                    {"X\r\nEvil", "a"},
                                                                                    {"Upgrade", "h2c"},
                                                                                    {"connection", "close"},
                                                                                    {"Content-Length", "0"},
                                                                                    {"transfer-encoding", "chunked"},
                                                                                    {"SEC-WEBSOCKET-ACCEPT", "x"},
                                                                                    {"Sec-WebSocket-Protocol", "x"},
                                                                                    {"Sec-WebSocket-Extensions", "x"},
                                                                                    {"Sec-WebSocket-Version", "13"}}) {
    INFO(name);
    const auto response = ws::accept_response(offering({}), Acceptance("", {{name, value}}));
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == ErrorCode::invalid_argument);
    CHECK(response.error().context().find("Evil: yes") == std::string::npos);
  }
}
