// SPDX-License-Identifier: MIT
// How fast client frames are taken in: header, mask, UTF-8 and message, in GB/s beside memcpy
#include <fmt/format.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "sluice/json/utf8.hpp"
#include "sluice/ws/server_protocol.hpp"
#include "support.hpp"

namespace {

using sluice::ws::ServerProtocol;

// A client's frame, masked (RFC 6455 section 5.2).
void append_frame(std::string& out, std::uint8_t opcode, std::string_view payload) {
  const char key[4] = {0x37, static_cast<char>(0xfa), 0x21, 0x3d};
  out += static_cast<char>(0x80 | opcode);
  if (payload.size() < 126) {
    out += static_cast<char>(0x80 | payload.size());
  } else {
    const int length_bytes = payload.size() < 65536 ? 2 : 8;
    out += static_cast<char>(0x80 | (length_bytes == 2 ? 126 : 127));
    for (int shift = 8 * (length_bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(payload.size() >> shift);
  }
  out.append(key, 4);
  for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ key[i % 4]);
}

struct Payload {
  std::string_view kind;
  std::uint8_t opcode;
  std::string text;
};

std::string text_of(std::size_t size, bool ascii) {
  std::string text;
  while (text.size() + 2 <= size) text += ascii ? "ab" : "é";
  text.resize(size, 'a');
  return text;
}

}  // namespace

int main() {
  constexpr std::size_t read_bytes = 128 * 1024;  // what one read may bring
  fmt::print("{:>10} {:>8} {:>12} {:>12} {:>10} {:>12} {:>12}\n", "payload", "kind", "ns/message", "GB/s", "memcpy",
             "of memcpy", "UTF-8 alone");
  for (const std::size_t size : {16, 125, 1'000, 16'000, 100'000}) {
    for (const Payload& payload : {Payload{"binary", 2, text_of(size, true)}, Payload{"ASCII", 1, text_of(size, true)},
                                   Payload{"UTF-8", 1, text_of(size, false)}}) {
      std::string wire;
      std::size_t messages = 0;
      while (wire.size() + size + 14 <= read_bytes || messages == 0) {
        append_frame(wire, payload.opcode, payload.text);
        ++messages;
      }
      std::string input(wire.size(), '\0');
      const double copy = bench::nanoseconds_per(wire.size(), [&] {
        std::memcpy(input.data(), wire.data(), wire.size());
        bench::keep(input);
      });
      const sluice::ServerLimits limits;
      ServerProtocol protocol(limits);
      std::size_t heard = 0;
      const double whole = bench::nanoseconds_per(wire.size(), [&] {
        std::memcpy(input.data(), wire.data(), wire.size());  // the parser unmasks in place
        std::span<char> rest(input);
        while (protocol.next(rest) == ServerProtocol::Step::message) heard += protocol.take_message().data().size();
      });
      bench::keep(heard);
      const double parse = whole - copy;  // both in ns per byte
      const double validate =
          bench::nanoseconds_per(size, [&] { bench::keep(sluice::json::is_valid_utf8(payload.text)); });
      fmt::print("{:>10} {:>8} {:>12.1f} {:>12.2f} {:>10.2f} {:>12.2f} {:>12.2f}\n", size, payload.kind,
                 parse * static_cast<double>(wire.size()) / static_cast<double>(messages), 1 / parse, 1 / copy,
                 copy / parse, 1 / validate);
    }
  }
}
