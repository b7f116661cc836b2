// SPDX-License-Identifier: MIT
// Request heads from hell: none crashes, and none means something else when it is cut otherwise.
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/check.hpp"
#include "sluice/http/head.hpp"
#include "sluice/ws/handshake.hpp"

using namespace sluice;
using Step = http::HeadParser::Step;

namespace {

constexpr ServerLimits limits{.head_bytes = 2000, .header_count = 20, .body_bytes = 1000};

void compare(http::HeadParser& whole, http::HeadParser& by_bytes, Step step) {
  if (step == Step::refused) return check(whole.refusal() == by_bytes.refusal());
  const http::Head head = whole.take_head(), other = by_bytes.take_head();
  check(head.method == other.method && head.request.path == other.request.path);
  check(head.request.query_string == other.request.query_string && head.request.headers == other.request.headers);
  check(head.content_length == other.content_length && head.keep_alive == other.keep_alive);
  check(head.content_length <= limits.body_bytes && head.request.headers.size() <= limits.header_count);
  const auto wanted = ws::check_upgrade(head);
  if (const auto* upgrade = std::get_if<ws::Upgrade>(&wanted)) check(bool(ws::accept_response(*upgrade, Acceptance())));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  std::string_view input = bytes;
  http::HeadParser whole(limits), by_bytes(limits);
  std::size_t at = 0;
  for (;;) {
    const Step step = whole.next(input);
    Step other = Step::need_more;
    while (other == Step::need_more && at < size) {
      std::string_view byte(&bytes[at++], 1);
      other = by_bytes.next(byte);
    }
    check(step == other);
    if (step == Step::need_more) return 0;
    compare(whole, by_bytes, step);
    if (step == Step::refused) return 0;
    check(at == size - input.size());
  }
}
