// SPDX-License-Identifier: MIT
#include "sluice/http/head.hpp"

#include <random>

#include "support/catch.hpp"

using namespace sluice;
using namespace std::string_literals;
using http::Head;
using http::HeadParser;
using Step = HeadParser::Step;

namespace {

constexpr ServerLimits small{.head_bytes = 300, .header_count = 5, .body_bytes = 1000};

// A head in one line per part, with what is left of the input; or the refusal.
std::string described(HeadParser& parser, Step step, std::string_view rest) {
  if (step == Step::need_more) return "need more";
  if (step == Step::refused) return std::to_string(parser.refusal().status) + " " + parser.refusal().reason;
  const Head head = parser.take_head();
  std::string out = head.method + " " + head.request.path;
  if (head.request.raw_path != head.request.path) out += " raw " + head.request.raw_path;
  if (!head.request.query_string.empty()) out += " query " + head.request.query_string;
  if (head.version == http::Version::http_1_0) out += " HTTP/1.0";
  for (const auto& [name, value] : head.request.headers) out += " | " + name + "=" + value;
  if (head.content_length > 0) out += " | body " + std::to_string(head.content_length);
  if (!head.keep_alive) out += " | closes";
  if (head.expects_continue) out += " | waits";
  if (!rest.empty()) out += " | then " + std::string(rest);
  return out;
}

std::string parsed_at(std::string_view bytes, std::size_t cut, const ServerLimits& limits) {
  HeadParser parser(limits);
  std::string_view input = bytes.substr(0, cut);
  Step step = parser.next(input);
  std::size_t left = bytes.size() - cut + input.size();
  if (step == Step::need_more) {
    CHECK(input.empty());
    input = bytes.substr(cut);
    step = parser.next(input);
    left = input.size();
  }
  return described(parser, step, bytes.substr(bytes.size() - left));
}

std::string parsed_by_bytes(std::string_view bytes, const ServerLimits& limits) {
  HeadParser parser(limits);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const std::string byte(1, bytes[at]);  // gone before the next one comes
    std::string_view input = byte;
    const Step step = parser.next(input);
    if (step != Step::need_more) return described(parser, step, bytes.substr(at + 1 - input.size()));
  }
  return described(parser, Step::need_more, {});
}

// What the parser makes of it, after checking that it does not depend on how the bytes are cut. A refusal may leave
// more or less of the input.
std::string parsed(std::string_view bytes, const ServerLimits& limits = {}) {
  const std::string whole = parsed_at(bytes, bytes.size(), limits);
  CHECK(parsed_by_bytes(bytes, limits) == whole);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    if (cut > 400 && cut % 97 != 0 && bytes.size() - cut > 40) continue;
    const std::string twice = parsed_at(bytes, cut, limits);
    if (twice != whole) {
      INFO("cut before byte " << cut);
      CHECK(twice == whole);
    }
  }
  return whole;
}

std::string get(std::string_view target) {
  return parsed("GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n");
}
std::string with_header(std::string_view line, std::string_view version = "HTTP/1.1") {
  return parsed("POST / " + std::string(version) + "\r\nHost: h\r\n" + std::string(line) + "\r\n\r\n");
}

}  // namespace

TEST_CASE("a head becomes a request; names in lower case, order and repetitions kept", "[ws][SC-1]") {
  CHECK(parsed("GET /%E9%A6%96/?foo=%41 HTTP/1.1\r\nHost: example.org:8000\r\nCookie: a=1\r\nX-Two:\t one \r\n"
               "cookie:b=2\r\nEmpty:\r\n\r\n") ==
        "GET /\xe9\xa6\x96/ raw /%E9%A6%96/ query foo=%41 | host=example.org:8000 | cookie=a=1 | x-two=one | "
        "cookie=b=2 | empty=");
}

TEST_CASE("leading slashes and encoded ones stay in the path", "[ws][SC-4]") {
  CHECK(get("//ws/core/") == "GET //ws/core/ | host=h");
  CHECK(get("/a%2Fb/../c") == "GET /a/b/../c raw /a%2Fb/../c | host=h");
}

TEST_CASE("bytes behind the head are not consumed", "[ws]") {
  CHECK(parsed("GET / HTTP/1.1\r\nHost: h\r\n\r\n\x81\x80") == "GET / | host=h | then \x81\x80");
  CHECK(parsed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody") ==
        "POST / | host=h | content-length=4 | body 4 | then body");
}

TEST_CASE("requests follow one another", "[ws]") {
  HeadParser parser{ServerLimits{}};
  std::string_view input =
      "GET http://first/ HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.0\r\n\r\nGET /3 HTTP/1.1\r\nHost: k\r\n\r\n";
  CHECK(described(parser, parser.next(input), {}) == "GET / | host=first");
  CHECK(described(parser, parser.next(input), {}) == "GET /2 HTTP/1.0 | closes");
  CHECK(described(parser, parser.next(input), {}) == "GET /3 | host=k");
  CHECK(parser.next(input) == Step::need_more);
}

TEST_CASE("one empty line before a request is passed over", "[ws]") {
  CHECK(parsed("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n") == "GET / | host=h");
  CHECK(parsed("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n") == "400 the request line has not three parts");
}

TEST_CASE("a refused parser stays refused", "[ws]") {
  HeadParser parser{ServerLimits{}};
  std::string_view input = "nonsense\r\n";
  CHECK(parser.next(input) == Step::refused);
  input = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  CHECK(parser.next(input) == Step::refused);
  CHECK(parser.refusal().status == 400);
}

TEST_CASE("request lines that are wrong", "[ws]") {
  const auto line = [](std::string_view text) { return parsed(std::string(text) + "\r\nHost: h\r\n\r\n"); };
  for (const auto* bad : {"GET /", "GET", "", " ", "GET / ", " / HTTP/1.1"}) {
    INFO(bad);
    CHECK(line("GET / HTTP/1.1").starts_with("GET /"));
    CHECK(line(bad).starts_with("400 "));
  }
  CHECK(line("GET  / HTTP/1.1") == "400 the target holds a byte that no target may hold");
  CHECK(line("GET / x HTTP/1.1") == "400 the target holds a byte that no target may hold");
  CHECK(line("GET /  HTTP/1.1") == "400 the target holds a byte that no target may hold");
  CHECK(line("GET /\tx HTTP/1.1") == "400 the target holds a byte that no target may hold");
  CHECK(line(" GET / HTTP/1.1") == "400 the method is not a token");
  CHECK(line("G:T / HTTP/1.1") == "400 the method is not a token");
  CHECK(line("G\xc3\xa9T / HTTP/1.1") == "400 the method is not a token");
  CHECK(line("GET / HTTP/1.1 ") == "400 the request line names no HTTP version");
  for (const auto* bad : {"HTTP/1", "HTTP/1.", "HTTP/1.10", "http/1.1", "HTTP/a.b", "HTTP-1.1", "HTTQ/1.1", "x"}) {
    CHECK(line("GET / " + std::string(bad)) == "400 the request line names no HTTP version");
  }
  for (const auto* other : {"HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3.0"}) {
    CHECK(line("GET / " + std::string(other)) == "505 neither HTTP/1.0 nor HTTP/1.1");
  }
  CHECK(parsed("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == "505 neither HTTP/1.0 nor HTTP/1.1");
  CHECK(line("CONNECT h:80 HTTP/1.1") == "501 CONNECT is for proxies");
}

TEST_CASE("a TLS ClientHello on a plain port is refused at its first byte", "[ws]") {
  HeadParser parser{ServerLimits{}};
  std::string_view input = "\x16";
  CHECK(parser.next(input) == Step::refused);
}

TEST_CASE("targets in all their forms", "[ws]") {
  CHECK(get("/?") == "GET / | host=h");
  CHECK(get("/a?b?c=/d") == "GET /a query b?c=/d | host=h");
  CHECK(get("/a%20b+c") == "GET /a b+c raw /a%20b+c | host=h");
  CHECK(get("http://other:81/x?y") == "GET /x query y | host=other:81");
  CHECK(get("WSS://other?y") == "GET / query y | host=other");
  CHECK(get("https://[::1]:8000") == "GET / | host=[::1]:8000");
  CHECK(parsed("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n") == "OPTIONS * | host=h");
  CHECK(parsed("GET http://other/ HTTP/1.0\r\n\r\n") == "GET / HTTP/1.0 | host=other | closes");
  CHECK(get("*") == "400 only OPTIONS may ask for *");
  for (const auto* bad : {"path", "?q", "ftp://h/", "http:/h", "h:80"}) {
    CHECK(get(bad) == "400 the target does not begin with a slash");
  }
  CHECK(get("http:///x") == "400 the target names no host");
  CHECK(get("http://user@h/x") == "400 the target names no host");
  CHECK(get("/a#b") == "400 the target holds a byte that no target may hold");
}

TEST_CASE("a path that does not decode to UTF-8 without NUL is refused", "[ws]") {
  for (const auto* bad : {"/%", "/%4", "/%zz", "/%4g", "/a%", "/%%41"})
    CHECK(get(bad) == "400 the path holds a bad escape");
  CHECK(get("/a%00b") == "400 the path holds a NUL");
  for (const auto* bad : {"/%ff", "/%c3", "/%c3(", "/%ed%a0%80", "/%c0%af"})
    CHECK(get(bad) == "400 the path is not UTF-8");
  CHECK(get("/\xc3\xa9") == "GET /\xc3\xa9 | host=h");
  CHECK(get("/\xc3%a9") == "400 the target is not UTF-8");
}

TEST_CASE("a query that is not UTF-8 is refused with 400; its escapes are its reader's", "[ws][MW-6]") {
  CHECK(get("/?a=\xff") == "400 the target is not UTF-8");
  CHECK(get("/?a=\xc3\xa9") == "GET / query a=\xc3\xa9 | host=h");
  CHECK(get("/?a=%ff&b=%zz") == "GET / query a=%ff&b=%zz | host=h");
}

TEST_CASE("lines end in CRLF and in nothing else", "[ws]") {
  const std::string fault = "400 the head holds a control byte, or a line that does not end in CRLF";
  CHECK(parsed("GET / HTTP/1.1\nHost: h\r\n\r\n") == fault);
  CHECK(parsed("GET / HTTP/1.1\r\nHost: h\n\r\n") == fault);
  CHECK(parsed("GET / HTTP/1.1\r\nHost: h\r\n\n") == fault);
  CHECK(parsed("GET / HTTP/1.1\r\nHost: h\r\r\n\r\n") == fault);
  CHECK(parsed("GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n") == fault);
  CHECK(parsed("\nGET / HTTP/1.1\r\n") == fault);
  CHECK(parsed("GET / HTTP/1.1\r\nHost: h\r\n\rx") == fault);
}

TEST_CASE("no control byte stands in a head, but the tab in a value", "[ws]") {
  for (int byte = 0; byte < 32; ++byte) {
    if (byte == '\t') continue;
    CHECK(with_header("X: a"s + static_cast<char>(byte) + "b").starts_with("400 the head holds a control byte"));
    CHECK(with_header("X"s + static_cast<char>(byte) + ": a").starts_with("400 the head holds a control byte"));
  }
  CHECK(with_header("X: a\x7f") == "400 the head holds a control byte, or a line that does not end in CRLF");
  CHECK(with_header("X: a\tb") == "POST / | host=h | x=a\tb");
}

TEST_CASE("header lines that another server might read differently are refused", "[ws]") {
  CHECK(with_header("X: a\r\n b") == "400 a header is folded over two lines");
  CHECK(with_header("X: a\r\n\tContent-Length: 4") == "400 a header is folded over two lines");
  CHECK(parsed("GET / HTTP/1.1\r\n Host: h\r\n\r\n") == "400 a header is folded over two lines");
  for (const auto* bad : {"X : a", "X\t: a", ": a", "X Y: a", "\xc3\xa9: a", "X(: a", "\"X\": a", "X@: a"}) {
    CHECK(with_header(bad) == "400 a header's name is not a token");
  }
  CHECK(with_header("no colon") == "400 a header has no colon");
  CHECK(with_header("X: \xff\xfe") == "POST / | host=h | x=\xff\xfe");
  CHECK(with_header("a!#$%&'*+-.^_`|~9: b:c") == "POST / | host=h | a!#$%&'*+-.^_`|~9=b:c");
}

TEST_CASE("exactly one Host in HTTP/1.1", "[ws]") {
  CHECK(parsed("GET / HTTP/1.1\r\n\r\n") == "400 there is no Host");
  CHECK(parsed("GET / HTTP/1.1\r\nHost: h\r\nhost: h\r\n\r\n") == "400 there is more than one Host");
  CHECK(parsed("GET / HTTP/1.0\r\nHost: h\r\nhost: h\r\n\r\n") == "400 there is more than one Host");
  CHECK(parsed("GET / HTTP/1.1\r\nHost:\r\n\r\n") == "GET / | host=");
  for (const auto* bad : {"a b", "a/b", "a@b", "a\tb", "a\\b", "\xc3\xa9", "a?b", "<h>"}) {
    CHECK(parsed("GET / HTTP/1.1\r\nHost: "s + bad + "\r\n\r\n") == "400 the Host is malformed");
  }
  CHECK(parsed("GET / HTTP/1.0\r\n\r\n") == "GET / HTTP/1.0 | closes");
}

TEST_CASE("a body's length is unambiguous, or the request is refused", "[ws]") {
  CHECK(with_header("Content-Length: 0") == "POST / | host=h | content-length=0");
  CHECK(with_header("Content-Length: 007") == "POST / | host=h | content-length=007 | body 7");
  CHECK(with_header("Content-Length: 4\r\nContent-Length: 4") == "400 there is more than one Content-Length");
  CHECK(with_header("Content-Length: 4\r\nContent-Length: 5") == "400 there is more than one Content-Length");
  for (const auto* bad : {"", "+4", "-4", "4, 4", "4 4", "0x4", "4a", "1e1", "4\t\x0b"}) {
    CHECK(with_header("Content-Length: "s + bad).starts_with("400 "));
  }
  CHECK(with_header("Transfer-Encoding: chunked") == "411 the body is chunked");
  CHECK(with_header("Transfer-Encoding: Chunked") == "411 the body is chunked");
  for (const auto* other : {"identity", "gzip, chunked", "chunked, chunked", "xchunked", "chunked;q=1", ""}) {
    CHECK(with_header("Transfer-Encoding: "s + other) == "501 the body has an unknown transfer coding");
  }
  CHECK(with_header("Transfer-Encoding: chunked\r\nTransfer-Encoding: x") ==
        "501 the body has an unknown transfer coding");
  const auto both = "400 there are both Content-Length and Transfer-Encoding";
  CHECK(with_header("Content-Length: 4\r\nTransfer-Encoding: chunked") == both);
  CHECK(with_header("Transfer-Encoding: chunked\r\nContent-Length: 4") == both);
  CHECK(with_header("Transfer-Encoding: chunked", "HTTP/1.0") == "400 HTTP/1.0 has no Transfer-Encoding");
}

TEST_CASE("a body above the limit is refused by its Content-Length", "[ws]") {
  const auto post = [](std::string_view length) {
    return parsed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::string(length) + "\r\n\r\n", small);
  };
  CHECK(post("1000") == "POST / | host=h | content-length=1000 | body 1000");
  for (const auto* length : {"1001", "18446744073709551615", "18446744073709551616", "99999999999999999999999999"}) {
    CHECK(post(length) == "413 the body is too long");
  }
}

TEST_CASE("keep-alive and expectations", "[ws]") {
  CHECK(with_header("Connection: close") == "POST / | host=h | connection=close | closes");
  CHECK(with_header("Connection: x, CLOSE ,y") == "POST / | host=h | connection=x, CLOSE ,y | closes");
  CHECK(with_header("Connection: closed") == "POST / | host=h | connection=closed");
  CHECK(with_header("Content-Length: 1\r\nExpect: 100-Continue") ==
        "POST / | host=h | content-length=1 | expect=100-Continue | body 1 | waits");
  CHECK(with_header("Expect: 100-continue") == "POST / | host=h | expect=100-continue");
  CHECK(with_header("Expect: miracles") == "417 an unknown expectation");
  CHECK(with_header("Expect: 100-continue\r\nExpect: 100-continue") == "417 an unknown expectation");
  CHECK(with_header("Expect: miracles", "HTTP/1.0") == "POST / HTTP/1.0 | host=h | expect=miracles | closes");
}

TEST_CASE("a head is as long as the limit says and no longer", "[ws]") {
  const std::string begin = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
  const std::string fits = begin + std::string(300 - begin.size() - 4, 'x') + "\r\n\r\n";
  CHECK(parsed(fits, small).starts_with("GET / | host=h | x=xxx"));
  const std::string over = begin + std::string(301 - begin.size() - 4, 'x') + "\r\n\r\n";
  CHECK(parsed(over, small) == "431 the head is too long");
  CHECK(parsed(begin + std::string(5000, 'x'), small) == "431 the head is too long");
  CHECK(parsed("\r\n" + fits, small).starts_with("GET / | host=h | x=xxx"));
}

TEST_CASE("the limits are for one head, not for all", "[ws]") {
  HeadParser parser{small};
  std::string heads;
  for (int i = 0; i < 10; ++i) heads += "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(150, 'x') + "\r\n\r\n";
  std::string_view input = heads;
  for (int i = 0; i < 10; ++i) {
    REQUIRE(parser.next(input) == Step::complete);
    CHECK(parser.take_head().request.headers.size() == 2);
  }
  CHECK(input.empty());
}

TEST_CASE("there are as many headers as the limit says and no more", "[ws]") {
  const std::string begin = "GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n";
  CHECK(parsed(begin + "\r\n", small) == "GET / | host=h | a=1 | b=2 | c=3 | d=4");
  CHECK(parsed(begin + "E: 5\r\n\r\n", small) == "431 there are too many headers");
}

TEST_CASE("a target that is too long is refused with 414, an endless method with 501", "[ws]") {
  const ServerLimits roomy{.head_bytes = 100'000};
  CHECK(parsed("GET /" + std::string(7999, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n", roomy).starts_with("GET /xxx"));
  for (const std::size_t size : {8000, 8050, 20000}) {
    CHECK(parsed("GET /" + std::string(size, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n", roomy) ==
          "414 the target is too long");
    CHECK(parsed("GET /" + std::string(size, 'x'), roomy) ==
          (size == 8000 ? "need more" : "414 the target is too long"));
  }
  CHECK(parsed("GET /" + std::string(300, 'x') + " HTTP/1.1\r\n", small) == "414 the target is too long");
  CHECK(parsed(std::string(33, 'M') + " / HTTP/1.1\r\n\r\n") == "501 the method is too long");
  CHECK(parsed(std::string(9000, 'M'), roomy) == "501 the method is too long");
  CHECK(parsed(std::string(32, 'M') + " / HTTP/1.1\r\nHost: h\r\n\r\n").starts_with("MMM"));
}

TEST_CASE("headers are looked up by name and by token", "[ws]") {
  HeadParser parser{ServerLimits{}};
  std::string_view input = "GET / HTTP/1.1\r\nHost: h\r\nA: one , TWO,, three\r\nB: x\r\nA: four\r\n\r\n";
  REQUIRE(parser.next(input) == Step::complete);
  const Head head = parser.take_head();
  CHECK(head.only_header("a") == nullptr);
  CHECK(head.only_header("c") == nullptr);
  CHECK(*head.only_header("b") == "x");
  for (const auto* token : {"one", "two", "Three", "FOUR"}) CHECK(head.has_token("a", token));
  for (const auto* token : {"", "on", "one , TWO", "x"}) CHECK_FALSE(head.has_token("a", token));
  CHECK_FALSE(head.has_token("c", "one"));
}

TEST_CASE("a hundred thousand mangled heads do no harm, and give the same result however they are split", "[ws]") {
  std::mt19937 engine(11);
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(engine);
  };
  const std::string good =
      "POST /%E9%A6%96?q=1 HTTP/1.1\r\nHost: example.org\r\nContent-Length: 12\r\nConnection: Upgrade, close\r\n"
      "Expect: 100-continue\r\n\r\n";
  const std::string spice =
      "\r\n\r\n :,/%\t\0\x7f\xff\xc3"
      "aA1"s;
  int complete = 0;
  for (int round = 0; round < 100'000; ++round) {
    std::string bytes = good;
    for (std::size_t changes = 1 + below(3); changes > 0; --changes) {
      const std::size_t at = below(bytes.size());
      switch (below(4)) {
        case 0: bytes[at] = spice[below(spice.size())]; break;
        case 1: bytes.insert(at, 1, spice[below(spice.size())]); break;
        case 2: bytes.erase(at, 1 + below(3)); break;
        default: bytes.insert(at, bytes.substr(below(bytes.size()), below(30))); break;
      }
    }
    const std::string whole = parsed_at(bytes, bytes.size(), small);
    const std::string cut = parsed_at(bytes, below(bytes.size()), small);
    if (cut != whole) {
      INFO("round " << round);
      REQUIRE(cut == whole);
    }
    complete += whole.starts_with("POST");
  }
  CHECK(complete > 5'000);
  CHECK(complete < 80'000);
}
