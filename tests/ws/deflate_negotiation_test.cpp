// SPDX-License-Identifier: MIT
#include "sluice/ws/deflate_negotiation.hpp"

#include "support/catch.hpp"

using namespace sluice;
using ws::agree_on_deflate;
using ws::parse_extensions;

namespace {

constexpr DeflateOptions generous{.server_context = DeflateContext::per_connection,
                                  .client_context = DeflateContext::per_connection};

// The response, without its first word where there are parameters; "declined" when there is none.
std::string answer(std::string_view offers, const DeflateOptions& options = generous) {
  const auto agreed = agree_on_deflate(parse_extensions(offers).value(), options);
  if (!agreed) return "declined";
  REQUIRE(agreed->response.starts_with("permessage-deflate"));
  const std::string parameters = agreed->response.substr(18);
  return parameters.empty() ? "accepted" : parameters.substr(2);
}

ws::DeflateParameters agreed(std::string_view offers, const DeflateOptions& options = generous) {
  return agree_on_deflate(parse_extensions(offers).value(), options).value().parameters;
}

}  // namespace

TEST_CASE("the offers of RFC 7692 are answered as specified", "[ws]") {
  // Section 5.2 and 7: the extension alone; with a hint, and with a fallback behind it.
  CHECK(answer("permessage-deflate") == "accepted");
  CHECK(answer("permessage-deflate; client_max_window_bits; server_max_window_bits=10") == "server_max_window_bits=10");
  CHECK(answer("permessage-deflate; client_max_window_bits; server_max_window_bits=10, "
               "permessage-deflate; client_max_window_bits") == "server_max_window_bits=10");
  // Section 7.1.1.1 and 7.1.1.2.
  CHECK(answer("permessage-deflate; server_no_context_takeover") == "server_no_context_takeover");
  CHECK(answer("permessage-deflate; client_no_context_takeover") == "client_no_context_takeover");
  // Section 7.1.2.1 and 7.1.2.2.
  CHECK(answer("permessage-deflate; server_max_window_bits=10") == "server_max_window_bits=10");
  CHECK(answer("permessage-deflate; server_max_window_bits=\"10\"") == "server_max_window_bits=10");
  CHECK(answer("permessage-deflate; client_max_window_bits=10") == "client_max_window_bits=10");
  CHECK(answer("permessage-deflate; client_max_window_bits") == "accepted");
}

TEST_CASE("windows are 8 to 15 bits, written plainly", "[ws]") {
  for (int bits = 8; bits <= 15; ++bits) {
    const std::string text = std::to_string(bits);
    CHECK(answer("permessage-deflate; server_max_window_bits=" + text) == "server_max_window_bits=" + text);
    CHECK(answer("permessage-deflate; client_max_window_bits=" + text) == "client_max_window_bits=" + text);
    CHECK(agreed("permessage-deflate; server_max_window_bits=" + text).server_max_window_bits == bits);
    CHECK(agreed("permessage-deflate; client_max_window_bits=" + text).client_max_window_bits == bits);
  }
  for (const char* wrong : {"0", "7", "16", "08", "010", "1", "20", "100", "-8", "+8", "8.0", "0xa", "ten", "8a"}) {
    CAPTURE(wrong);
    CHECK(answer(std::string("permessage-deflate; server_max_window_bits=") + wrong) == "declined");
    CHECK(answer(std::string("permessage-deflate; client_max_window_bits=") + wrong) == "declined");
  }
}

TEST_CASE("an offer that can't be accepted is passed over for the next", "[ws]") {
  for (const std::string wrong :
       {"server_max_window_bits", "server_no_context_takeover=1", "client_no_context_takeover=true", "unknown",
        "unknown=1", "SERVER_NO_CONTEXT_TAKEOVER", "server_no_context_takeover; server_no_context_takeover",
        "server_max_window_bits=9; server_max_window_bits=9", "client_max_window_bits; client_max_window_bits=9",
        "client_max_window_bits=16"}) {
    CAPTURE(wrong);
    CHECK(answer("permessage-deflate; " + wrong) == "declined");
    CHECK(answer("permessage-deflate; " + wrong + ", permessage-deflate; server_max_window_bits=12") ==
          "server_max_window_bits=12");
    CHECK(answer("permessage-deflate; server_max_window_bits=12, permessage-deflate; " + wrong) ==
          "server_max_window_bits=12");
  }
  CHECK(answer("") == "declined");
  CHECK(answer("x-webkit-deflate-frame, permessage-bzip2; level=9, Permessage-Deflate") == "declined");
  CHECK(answer("foo; server_max_window_bits=9, permessage-deflate, bar") == "accepted");
}

TEST_CASE("by default no window is kept between messages, whatever was offered", "[ws]") {
  const std::string forget = "server_no_context_takeover; client_no_context_takeover";
  CHECK(answer("permessage-deflate", {}) == forget);
  CHECK(answer("permessage-deflate; client_max_window_bits", {}) == forget);
  CHECK(answer("permessage-deflate; client_max_window_bits=9; server_max_window_bits=9", {}) ==
        forget + "; server_max_window_bits=9; client_max_window_bits=9");
  CHECK(answer("permessage-deflate", {.enabled = false}) == "declined");
}

TEST_CASE("a smaller window of the options is negotiated where the client allows it", "[ws]") {
  DeflateOptions small = generous;
  small.server_window_bits = 11;
  small.client_window_bits = 10;
  CHECK(answer("permessage-deflate; client_max_window_bits", small) ==
        "server_max_window_bits=11; client_max_window_bits=10");
  CHECK(answer("permessage-deflate; client_max_window_bits=9; server_max_window_bits=9", small) ==
        "server_max_window_bits=9; client_max_window_bits=9");
  CHECK(answer("permessage-deflate; client_max_window_bits=15; server_max_window_bits=15", small) ==
        "server_max_window_bits=11; client_max_window_bits=10");
  // RFC 7692 section 7.1.2.2: without the client's word no window may be asked of it. What it may then be asked is to
  // forget it.
  CHECK(answer("permessage-deflate", small) == "client_no_context_takeover; server_max_window_bits=11");
  CHECK(agreed("permessage-deflate", small) == ws::DeflateParameters{false, true, 11, 15});
}

TEST_CASE("every combination of parameters is answered within the offer and the options", "[ws]") {
  for (int choice = 0; choice < 64; ++choice) {
    const bool server_forgets = choice & 1, client_forgets = choice & 2, server_window = choice & 4,
               client_window = choice & 8;
    DeflateOptions options = generous;
    if (choice & 16) options.server_context = DeflateContext::per_message;
    if (choice & 32) options.client_context = DeflateContext::per_message;
    std::string offer = "permessage-deflate";
    if (client_window) offer += "; client_max_window_bits=12";
    if (server_forgets) offer += "; server_no_context_takeover";
    if (server_window) offer += "; server_max_window_bits=13";
    if (client_forgets) offer += "; client_no_context_takeover";
    CHECK(agreed(offer, options) == ws::DeflateParameters{server_forgets || (choice & 16) != 0,
                                                          client_forgets || (choice & 32) != 0, server_window ? 13 : 15,
                                                          client_window ? 12 : 15});
  }
}

TEST_CASE("invalid options are named", "[ws]") {
  CHECK(fault_of(DeflateOptions()).empty());
  CHECK(fault_of({.server_window_bits = 7}) == "server_window_bits is 8 to 15");
  CHECK(fault_of({.client_window_bits = 16}) == "client_window_bits is 8 to 15");
  CHECK(fault_of({.level = 0}) == "level is 1 to 9");
  CHECK(fault_of({.memory_level = 10}) == "memory_level is 1 to 9");
}
