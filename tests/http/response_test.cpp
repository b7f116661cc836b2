// SPDX-License-Identifier: MIT
#include "sluice/http/response.hpp"

#include "support/catch.hpp"

using namespace sluice;
using namespace std::string_literals;
using namespace std::chrono_literals;

TEST_CASE("a plain answer, kept alive or closing", "[ws]") {
  HttpResponse response(201, "made");
  response.add_header("Location", "/7");
  CHECK(*http::response_bytes(response, {.keep_alive = true}) ==
        "HTTP/1.1 201 Created\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\nLocation: "
        "/7\r\n\r\nmade");
  CHECK(*http::response_bytes(HttpResponse::json("{}"), {.date = "Sun, 06 Nov 1994 08:49:37 GMT"}) ==
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: close\r\nContent-Type: "
        "application/json\r\n"
        "Content-Length: 2\r\n\r\n{}");
  CHECK(*http::response_bytes(HttpResponse(299, "", ""), {.keep_alive = true}) ==
        "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("a response to HEAD has the length and no body", "[ws]") {
  CHECK(*http::response_bytes(HttpResponse(200, "hello"), {.keep_alive = true, .head_only = true}) ==
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n\r\n");
}

TEST_CASE("204 and 304 have no body and no length", "[ws]") {
  CHECK(*http::response_bytes(HttpResponse(204, "lost"), {.keep_alive = true}) == "HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(*http::response_bytes(HttpResponse(304), {}) == "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n");
}

TEST_CASE("responses whose headers would inject lines are refused", "[ws]") {
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"X", "a\r\nEvil: yes"},
                                                                                    {"X", "a\nb"},
                                                                                    {"X", "\0"s},
                                                                                    {"X\r\nY", "a"},
                                                                                    {"", "a"},
                                                                                    {"X ", "a"},
                                                                                    {"Content-Length", "7"},
                                                                                    {"transfer-encoding", "chunked"},
                                                                                    {"Connection", "x"},
                                                                                    {"Upgrade", "x"},
                                                                                    {"Date", "x"}}) {
    INFO(name);
    HttpResponse response;
    response.add_header(name, value);
    REQUIRE_FALSE(http::response_bytes(response, {}));
    REQUIRE_FALSE(http::denial_response(Denial(403, "", {{name, value}})));
    CHECK(http::response_bytes(response, {}).error().code() == ErrorCode::invalid_argument);
  }
  CHECK_FALSE(http::response_bytes(HttpResponse().add_header("Content-Type", "x"), {}));
  CHECK_FALSE(http::response_bytes(HttpResponse(200, "", "a\r\nEvil: yes"), {}));
  for (const int status : {-1, 0, 99, 100, 101, 199, 600, 1000}) {
    CHECK_FALSE(http::response_bytes(HttpResponse(status), {}));
    CHECK_FALSE(http::denial_response(Denial(status)));
  }
  CHECK(http::response_bytes(HttpResponse(101), {}).error().message() ==
        "invalid_argument: the status 101 is not one of 200 to 599");
}

TEST_CASE("a denial closes the connection", "[ws]") {
  CHECK(*http::denial_response(Denial()) == "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  CHECK(*http::denial_response(Denial(503, "full", {{"Retry-After", "5"}})) ==
        "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Length: 4\r\nRetry-After: 5\r\n\r\nfull");
  CHECK(*http::denial_response(Denial(401, "{}", {{"content-type", "application/json"}})) ==
        "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 2\r\ncontent-type: "
        "application/json\r\n\r\n{}");
}

TEST_CASE("a refusal names its reason, and closes", "[ws]") {
  CHECK(http::refusal_response({405, "a WebSocket is opened with GET", {{"Allow", "GET"}}}) ==
        "HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Length: 31\r\nAllow: GET\r\n\r\na WebSocket is opened with GET\n");
  CHECK(http::refusal_response({400, "there is no Host", {}}, "", true) ==
        "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Length: 17\r\n\r\n");
  CHECK(http::refusal_response({426, "no", {{"Upgrade", "websocket"}}}, "today") ==
        "HTTP/1.1 426 Upgrade Required\r\nDate: today\r\nConnection: Upgrade, close\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\nUpgrade: websocket\r\n\r\nno\n");
}

TEST_CASE("every status that the room answers with has a phrase", "[ws]") {
  for (const int status : {200, 204, 400, 403, 404, 405, 411, 413, 414, 417, 426, 431, 500, 501, 503, 505}) {
    CHECK_FALSE(http::reason_phrase(status).empty());
  }
}

TEST_CASE("dates are written as HTTP wants them", "[ws]") {
  using std::chrono::system_clock;
  CHECK(http::date(system_clock::time_point(784'111'777s)) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(http::date(system_clock::time_point(1'709'251'199s + 900ms)) == "Thu, 29 Feb 2024 23:59:59 GMT");
  CHECK(http::date(system_clock::time_point(0s)) == "Thu, 01 Jan 1970 00:00:00 GMT");
}

namespace {

struct NoPieces : HttpBody {
  Task<std::optional<std::string>> next() override { return std::nullopt; }
};

HttpResponse streamed(std::optional<std::uint64_t> length = {}, int status = 200) {
  return HttpResponse::stream("text/csv", std::make_shared<NoPieces>(), length, status);
}

}  // namespace

TEST_CASE("the head of a response in pieces states how its body ends", "[http]") {
  const http::Answering kept{.keep_alive = true};
  CHECK(*http::response_bytes(streamed(), kept) ==
        "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(http::body_end(streamed(), kept) == http::BodyEnd::chunked);
  CHECK(*http::response_bytes(streamed(5'000'000'000), kept) ==
        "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 5000000000\r\n\r\n");
  CHECK(http::body_end(streamed(5'000'000'000), kept) == http::BodyEnd::length);
  CHECK(http::body_end(HttpResponse(200, "whole"), kept) == http::BodyEnd::length);
}

TEST_CASE("HTTP/1.0 is sent no chunks: without a length the connection ends the body", "[http]") {
  const http::Answering old{.version = http::Version::http_1_0};
  CHECK(*http::response_bytes(streamed(), old) ==
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/csv\r\n\r\n");
  CHECK(http::body_end(streamed(), old) == http::BodyEnd::connection);
  const http::Answering old_and_kept{.keep_alive = true, .version = http::Version::http_1_0};
  CHECK(*http::response_bytes(streamed(), old_and_kept) == *http::response_bytes(streamed(), old));
  CHECK(*http::response_bytes(streamed(7), old_and_kept) ==
        "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 7\r\n\r\n");
}

TEST_CASE("HEAD, 204 and 304 have no body in pieces either", "[http]") {
  const http::Answering head{.keep_alive = true, .head_only = true};
  CHECK(*http::response_bytes(streamed(), head) == "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n\r\n");
  CHECK(*http::response_bytes(streamed(7), head) ==
        "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 7\r\n\r\n");
  CHECK(http::body_end(streamed(), head) == http::BodyEnd::no_body);
  for (const int status : {204, 304}) {
    CHECK(http::body_end(streamed({}, status), {.keep_alive = true}) == http::BodyEnd::no_body);
    CHECK(http::response_bytes(streamed({}, status), {.keep_alive = true})->find("Transfer-Encoding") ==
          std::string::npos);
  }
}
