// SPDX-License-Identifier: MIT
// How a server compresses its messages (permessage-deflate, RFC 7692). docs/compression.md tells what it costs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// How far back a message may refer to what was sent before it.
enum class DeflateContext : std::uint8_t {
  per_message,     // not at all: nothing is kept between messages, and one compressed message fits all connections
  per_connection,  // to the connection's earlier messages: smaller messages, and a window kept for each connection
};

/// What a server agrees to, and how hard it works. Which windows a client really gets is in its own offer too: it may
/// ask for less than this, never for more. A value; fixed once serving.
struct DeflateOptions {
  bool enabled = true;
  DeflateContext server_context = DeflateContext::per_message;  // of messages to clients
  DeflateContext client_context = DeflateContext::per_message;  // of messages from clients
  int server_window_bits = 15;                                  // 8 to 15: windows of 256 bytes to 32 KiB
  int client_window_bits = 15;
  std::size_t smallest = 128;  // bytes; a shorter message is sent as it is
  int level = 1;               // zlib's, 1 (fast) to 9 (small)
  int memory_level = 8;        // zlib's, 1 to 9: what a compressor takes beside its window
};

/// What makes no sense in the options, as a sentence; empty when all is well.
SLUICE_API std::string_view fault_of(const DeflateOptions& options) noexcept;

}  // namespace sluice::SLUICE_ABI
