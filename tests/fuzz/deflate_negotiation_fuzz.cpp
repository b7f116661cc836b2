// SPDX-License-Identifier: MIT
// Sec-WebSocket-Extensions from hell: whatever is offered, what is agreed on is within RFC 7692, within the options,
// and can be read back. The first two bytes choose the options.
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/check.hpp"
#include "http/text.hpp"
#include "sluice/ws/deflate_negotiation.hpp"

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  DeflateOptions options;
  options.server_window_bits = 8 + data[0] % 8;
  options.client_window_bits = 8 + data[1] % 8;
  options.server_context = data[0] & 8 ? DeflateContext::per_connection : DeflateContext::per_message;
  options.client_context = data[1] & 8 ? DeflateContext::per_connection : DeflateContext::per_message;

  const auto offers = ws::parse_extensions({reinterpret_cast<const char*>(data) + 2, size - 2});
  if (!offers) return 0;
  for (const auto& offer : *offers) {
    check(http::is_token(offer.name));
    for (const auto& [name, value] : offer.parameters)
      check(http::is_token(name) && (!value || http::is_token(*value)));
  }
  const auto agreed = ws::agree_on_deflate(*offers, options);
  if (!agreed) return 0;
  const auto& parameters = agreed->parameters;
  check(parameters.server_max_window_bits >= 8 && parameters.server_max_window_bits <= options.server_window_bits);
  check(parameters.client_max_window_bits >= 8);
  // The memory that the options promise is not passed.
  check(parameters.client_max_window_bits <= options.client_window_bits || parameters.client_no_context_takeover);
  check(parameters.server_no_context_takeover || options.server_context == DeflateContext::per_connection);

  // The answer is an offer with the same parameters, and is granted unchanged.
  const auto answer = ws::parse_extensions(agreed->response);
  check(answer && answer->size() == 1);
  const auto again = ws::agree_on_deflate(*answer, options);
  check(again && again->parameters.server_max_window_bits == parameters.server_max_window_bits);
  check(again->parameters.server_no_context_takeover == parameters.server_no_context_takeover);
  return 0;
}
