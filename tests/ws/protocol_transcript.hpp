// SPDX-License-Identifier: MIT
// A ServerProtocol's result for some bytes, as lines to compare, and a check that it is the same however they are
// split.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/ws/message_inflater.hpp"
#include "sluice/ws/server_protocol.hpp"
#include "support/catch.hpp"

namespace sluice::test {

inline constexpr std::size_t default_limit = 1 << 20;

/// How a protocol listens: its limits and, if compression is agreed on, the client's window that it keeps between
/// messages, 0 for none.
struct Hearing {
  Hearing(std::size_t message_bytes = default_limit, std::optional<int> kept_window = std::nullopt)
      : limits{.message_bytes = message_bytes}, kept_window(kept_window) {}
  ServerLimits limits;
  std::optional<int> kept_window;
};

/// Feeds bytes in pieces, each from a buffer that is overwritten afterwards, and writes down what comes out:
/// "text: a", "binary: b", "ping: c", "pong: d", "close 1000: e", "failed 1002: f".
class Listener {
 public:
  explicit Listener(Hearing how = {}) : limits_(how.limits), protocol_(limits_) {
    if (!how.kept_window) return;
    protocol_.inflate_with(std::make_unique<ws::MessageInflater>(*how.kept_window, inflaters_, inflated_));
  }
  Listener(const Listener&) = delete;

  void hear(std::string_view bytes) {
    const auto buffer = std::make_unique<char[]>(bytes.size());  // of the exact size, so that a sanitizer sees over it
    std::copy(bytes.begin(), bytes.end(), buffer.get());
    std::span<char> input(buffer.get(), bytes.size());
    for (;;) {
      const auto step = protocol_.next(input);
      if (step == ws::ServerProtocol::Step::need_more) break;
      if (step == ws::ServerProtocol::Step::yield) continue;
      lines_.push_back(line_for(step));
    }
    CHECK(input.empty());
    std::fill_n(buffer.get(), bytes.size(), '\xee');
    if (protocol_.empty()) protocol_ = ws::ServerProtocol(limits_);  // which must make no difference
  }
  const std::vector<std::string>& lines() const noexcept { return lines_; }
  ws::ServerProtocol& protocol() noexcept { return protocol_; }

 private:
  std::string line_for(ws::ServerProtocol::Step step) {
    using Step = ws::ServerProtocol::Step;
    switch (step) {
      case Step::message: {
        const Message message = protocol_.take_message();
        return (message.is_text() ? "text: " : "binary: ") + std::string(message.data());
      }
      case Step::ping: return "ping: " + std::string(protocol_.control_payload());
      case Step::pong: return "pong: " + std::string(protocol_.control_payload());
      case Step::close: return "close " + reason();
      case Step::failed: return "failed " + reason();
      case Step::yield:
      case Step::need_more: break;
    }
    return "?";
  }
  std::string reason() const {
    return std::to_string(protocol_.close_reason().code()) + ": " + protocol_.close_reason().text();
  }

  const ServerLimits limits_;
  ws::InflaterPool inflaters_;
  ws::DeflateTotals inflated_;
  ws::ServerProtocol protocol_;
  std::vector<std::string> lines_;
};

using Transcript = std::vector<std::string>;

inline Transcript heard_whole(std::string_view bytes, Hearing how = {}) {
  Listener listener(how);
  listener.hear(bytes);
  return listener.lines();
}

inline Transcript heard_in_pieces(std::string_view bytes, std::size_t piece, Hearing how = {}) {
  Listener listener(how);
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) listener.hear(bytes.substr(0, piece));
  return listener.lines();
}

/// The transcript, after checking that one byte at a time and a cut at every byte give the same. Of long input the cuts
/// near both ends are tried, and some between.
inline Transcript heard(std::string_view bytes, Hearing how = {}) {
  const Transcript whole = heard_whole(bytes, how);
  CHECK(heard_in_pieces(bytes, 1, how) == whole);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    const bool near_an_end = cut < 512 || bytes.size() - cut < 64;
    if (!near_an_end && cut % 4093 != 0) continue;
    Listener listener(how);
    listener.hear(bytes.substr(0, cut));
    listener.hear(bytes.substr(cut));
    if (listener.lines() != whole) {
      INFO("cut before byte " << cut);
      CHECK(listener.lines() == whole);
    }
  }
  return whole;
}

/// How many bytes it took, one at a time, until it failed; 0 if it did not.
inline std::size_t failed_after(std::string_view bytes, Hearing how = {}) {
  Listener listener(how);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    listener.hear(bytes.substr(at, 1));
    if (!listener.lines().empty() && listener.lines().back().starts_with("failed")) return at + 1;
  }
  return 0;
}

}  // namespace sluice::test
