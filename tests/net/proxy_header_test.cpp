// SPDX-License-Identifier: MIT
#include "net/proxy/proxy_header.hpp"

#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"

using namespace sluice;
using net::ProxyHeaderReader;
using namespace std::string_literals;

namespace {

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);

// Feeds the pieces and writes down what comes out, and how many bytes were left.
std::string read(const std::vector<std::string>& pieces) {
  ProxyHeaderReader reader;
  auto step = ProxyHeaderReader::Step::need_more;
  std::size_t left = 0;
  for (const std::string& piece : pieces) {
    std::string_view input = piece;
    step = reader.next(input);
    left += input.size();
  }
  const std::string rest = left == 0 ? "" : " +" + std::to_string(left);
  if (step == ProxyHeaderReader::Step::refused) return "refused";
  if (step == ProxyHeaderReader::Step::need_more) return reader.begun() ? "begun" : "nothing";
  const net::ProxyHeader& said = reader.header();
  if (!said.has_addresses) return "unknown" + rest;
  return net::to_text(said.source) + " to " + net::to_text(said.destination) + (said.tls ? " tls" : "") + rest;
}

// The same however it is cut.
std::string at_every_byte(const std::string& bytes) {
  const std::string whole = read({bytes});
  std::vector<std::string> single;
  for (const char byte : bytes) single.emplace_back(1, byte);
  CHECK(read(single) == whole);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    CAPTURE(cut);
    CHECK(read({bytes.substr(0, cut), bytes.substr(cut)}) == whole);
  }
  return whole;
}

std::string word(std::size_t number) { return {static_cast<char>(number >> 8), static_cast<char>(number & 0xff)}; }

std::string binary(char command, char family, std::string_view payload) {
  return signature + command + family + word(payload.size()) + std::string(payload);
}

std::string tlv(char type, std::string_view value) { return type + word(value.size()) + std::string(value); }

const std::string v4_addresses = "\xc0\x00\x02\x07\xc6\x33\x64\x01\xc8\x22\x01\xbb"s;
const std::string v6_addresses =
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\xc8\x22\x01\xbb"s;

std::string proxied_v4(std::string_view tlvs = {}) { return binary('\x21', '\x11', v4_addresses + std::string(tlvs)); }

}  // namespace

TEST_CASE("PROXY version 1 names both ends of a connection", "[net]") {
  CHECK(at_every_byte("PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\r\nGET") ==
        "192.0.2.7:51234 to 198.51.100.1:443 +3");
  CHECK(at_every_byte("PROXY TCP6 2001:db8::7 2001:db8::1 51234 443\r\n") ==
        "[2001:db8::7]:51234 to [2001:db8::1]:443");
  CHECK(at_every_byte("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n") ==
        "255.255.255.255:65535 to 255.255.255.255:65535");
}

TEST_CASE("a PROXY header of version 1 may be UNKNOWN", "[net]") {
  CHECK(at_every_byte("PROXY UNKNOWN\r\nGET") == "unknown +3");
  CHECK(at_every_byte("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n") == "unknown");
}

TEST_CASE("a line that is not PROXY version 1 is refused", "[net]") {
  for (const auto* wrong :
       {"G", "PROXIES", "PROXY\t", "proxy TCP4", "PROXY  TCP4 192.0.2.7 198.51.100.1 51234 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 51234 443 \r\n", "PROXY TCP4 192.0.2.7 198.51.100.1 51234\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\n", "PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\r\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 51234 65536\r\n", "PROXY TCP4 192.0.2.7 198.51.100.1 051234 443\r\n",
        "PROXY TCP4 192.0.2.256 198.51.100.1 51234 443\r\n", "PROXY TCP4 2001:db8::7 2001:db8::1 51234 443\r\n",
        "PROXY TCP6 192.0.2.7 198.51.100.1 51234 443\r\n", "PROXY TCP6 2001:db8::7 198.51.100.1 51234 443\r\n",
        "PROXY UDP4 192.0.2.7 198.51.100.1 51234 443\r\n", "PROXY \r\n", "PROXY UNKNOWN\n", "PROXY UNKNOWN \x01"}) {
    CAPTURE(wrong);
    CHECK(at_every_byte(wrong) == "refused");
  }
  CHECK(at_every_byte("PROXY UNKNOWN\0\r\n"s) == "refused");
}

TEST_CASE("a line of PROXY version 1 has 107 bytes at most", "[net]") {
  const std::string begin = "PROXY UNKNOWN ";
  CHECK(read({begin + std::string(107 - begin.size() - 2, 'x') + "\r\n"}) == "unknown");
  CHECK(at_every_byte(begin + std::string(107 - begin.size() - 1, 'x') + "\r\n") == "refused");
  CHECK(read({begin + std::string(107 - begin.size() - 1, 'x')}) == "begun");
  CHECK(read({begin + std::string(107 - begin.size(), 'x')}) == "refused");
}

TEST_CASE("PROXY version 2 names both ends of a connection", "[net]") {
  CHECK(at_every_byte(proxied_v4() + "GET") == "192.0.2.7:51234 to 198.51.100.1:443 +3");
  CHECK(at_every_byte(binary('\x21', '\x21', v6_addresses)) == "[2001:db8::7]:51234 to [2001:db8::1]:443");
}

TEST_CASE("a PROXY header of version 2 may be LOCAL or UNSPEC", "[net]") {
  CHECK(at_every_byte(binary('\x20', '\x00', "") + "GET") == "unknown +3");
  CHECK(at_every_byte(binary('\x20', '\x11', v4_addresses)) == "unknown");
  CHECK(at_every_byte(binary('\x20', '\x7f', "whatever stands here")) == "unknown");
  CHECK(at_every_byte(binary('\x21', '\x00', "")) == "unknown");
  CHECK(at_every_byte(binary('\x21', '\x00', "no list of anything")) == "unknown");
  CHECK(at_every_byte(binary('\x21', '\x31', std::string(216, '/'))) == "unknown");
}

TEST_CASE("known fields of PROXY version 2 are read, unknown ones are skipped", "[net]") {
  const std::string name = tlv('\x02', "chat.example"), alpn = tlv('\x01', "http/1.1"), empty = tlv('\x04', "");
  CHECK(at_every_byte(proxied_v4(alpn + name + empty + tlv('\xea', std::string(300, 'x')))) ==
        "192.0.2.7:51234 to 198.51.100.1:443");
  CHECK(at_every_byte(proxied_v4(tlv('\x20', "\x01\0\0\0\0"s + tlv('\x21', "TLSv1.3")))) ==
        "192.0.2.7:51234 to 198.51.100.1:443 tls");
  CHECK(at_every_byte(proxied_v4(tlv('\x20', "\x06\0\0\0\0"s))) == "192.0.2.7:51234 to 198.51.100.1:443");
}

TEST_CASE("the checksum of PROXY version 2 is verified", "[net]") {
  // CRC32c of these bytes with the checksum's own four as zeros, computed with a table, not bit by bit.
  const std::string good = proxied_v4(tlv('\x03', "\x00\x00\x00\x00"s));
  const std::string checksum = "\xf1\xab\x89\x85"s;
  std::string whole = good.substr(0, good.size() - 4) + checksum;
  CHECK(at_every_byte(whole) == "192.0.2.7:51234 to 198.51.100.1:443");
  for (std::size_t at = 16; at < whole.size() - 7; ++at) {
    std::string bent = whole;
    bent[at] = static_cast<char>(bent[at] ^ 0x40);
    CHECK(read({bent}) == "refused");
  }
  CHECK(at_every_byte(proxied_v4(tlv('\x03', "\x00\x00\x00"s))) == "refused");
  // Two that both hold are one too many.
  CHECK(at_every_byte(proxied_v4(tlv('\x03', "\x3d\xf9\xf2\xea"s) + tlv('\x03', "\x2a\xa9\x9b\xe7"s))) == "refused");
}

TEST_CASE("bytes that are not PROXY version 2 are refused", "[net]") {
  std::vector<std::string> wrong{
      "\r\n\r\n\0\r\nQUIT\r"s,
      "\r\n\r\nGET"s,
      signature + '\x11',                              // version 1 in the binary form
      signature + '\x22',                              // no such command
      signature + "\x21\x12",                          // UDP
      signature + "\x21\x41",                          // no such family
      signature + "\x21\x10",                          // a family without a transport
      binary('\x21', '\x11', v4_addresses.substr(1)),  // addresses cut short
      binary('\x21', '\x21', v6_addresses.substr(1)),  //
      binary('\x21', '\x31', std::string(215, '/')),   //
      proxied_v4("\x04"),                              // a TLV without a length
      proxied_v4("\x04\x00"s),                         //
      proxied_v4("\x04\x00\x01"s),                     // and one that is longer than the header
      proxied_v4(tlv('\x20', "\x01\0\0\0"s)),          // an SSL TLV that is too short
      proxied_v4(tlv('\x04', "") + "\xff\xff\xff"),    //
  };
  for (const std::string& bytes : wrong) CHECK(at_every_byte(bytes) == "refused");
}

TEST_CASE("a PROXY header above the bound is refused by its length field", "[net]") {
  const std::size_t most = ProxyHeaderReader::most_bytes - 16;
  const std::string longest = proxied_v4(tlv('\x04', std::string(most - v4_addresses.size() - 3, 'x')));
  REQUIRE(longest.size() == ProxyHeaderReader::most_bytes);
  CHECK(read({longest}) == "192.0.2.7:51234 to 198.51.100.1:443");
  CHECK(read({signature + "\x21\x11" + word(most)}) == "begun");
  CHECK(read({signature + "\x21\x11" + word(most + 1)}) == "refused");
  CHECK(read({signature + "\x20" + '\0' + word(0xffff)}) == "refused");
}
