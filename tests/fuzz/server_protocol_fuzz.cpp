// SPDX-License-Identifier: MIT
// Malicious bytes of a client: the protocol never crashes, never exceeds its limit, and gives the same result however
// they are split. The first byte of an input selects the split, the second whether messages may be compressed, and with
// which window.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/check.hpp"
#include "sluice/json/utf8.hpp"
#include "sluice/ws/message_inflater.hpp"
#include "sluice/ws/server_protocol.hpp"

using namespace sluice;
using Step = ws::ServerProtocol::Step;

namespace {

constexpr std::size_t limit = 300;
const ServerLimits limits{.message_bytes = limit, .frames_per_message = 5};

struct Heard {
  Step step;
  std::string payload;
  std::uint16_t code;  // a frame with two faults may name either, so their texts are not compared
  bool operator==(const Heard&) const = default;
};

// What the handshake agreed on, as a number of the input's.
struct Agreed {
  bool compression;
  int window_bits;  // 0: not kept from one message to the next
};

Agreed agreed(std::uint8_t number) { return {number % 16 != 0, number & 8 ? 8 + number % 8 : 0}; }

std::vector<Heard> heard(std::string_view bytes, std::size_t piece, Agreed agreed) {
  ws::InflaterPool pool;
  ws::DeflateTotals totals;
  ws::ServerProtocol protocol(limits);
  if (agreed.compression) {
    protocol.inflate_with(std::make_unique<ws::MessageInflater>(agreed.window_bits, pool, totals));
  }
  std::vector<Heard> all;
  while (!bytes.empty()) {
    const std::size_t size = std::min(piece, bytes.size());
    const auto buffer = std::make_unique<char[]>(size);
    bytes.copy(buffer.get(), size);
    bytes.remove_prefix(size);
    std::span<char> input(buffer.get(), size);
    for (Step step = protocol.next(input); step != Step::need_more; step = protocol.next(input)) {
      if (step == Step::yield) continue;
      if (step == Step::message) {
        const Message message = protocol.take_message();
        check(message.data().size() <= limit && (message.is_binary() || json::is_valid_utf8(message.data())));
        all.push_back({step, std::string(message.data()), 0});
      } else if (step == Step::ping || step == Step::pong) {
        check(protocol.control_payload().size() <= ws::max_control_bytes);
        all.push_back({step, std::string(protocol.control_payload()), 0});
      } else {
        const CloseReason& reason = protocol.close_reason();
        check(ws::close_payload(reason).size() <= ws::max_control_bytes);
        all.push_back({step, step == Step::close ? reason.text() : std::string(), reason.code()});
      }
    }
    check(input.empty());
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes = text_of(data + 2, size - 2);
  const Agreed compression = agreed(data[1]);
  const auto whole = heard(bytes, size, compression);
  check(heard(bytes, 1, compression) == whole);
  check(heard(bytes, 1 + data[0], compression) == whole);
  return 0;
}
