// SPDX-License-Identifier: MIT
// The server's side of a WebSocket after the upgrade, without sockets: bytes in, whole messages out (RFC 6455).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/abi.hpp"
#include "sluice/core/close_reason.hpp"
#include "sluice/json/utf8.hpp"
#include "sluice/transport/limits.hpp"
#include "sluice/transport/message.hpp"
#include "sluice/ws/frame_header.hpp"

namespace sluice::SLUICE_ABI::ws {

class MessageInflater;

/// Parses what a client sends and returns one step at a time, so that the caller may stop in the middle of a buffer:
///
///     std::span<char> input(buffer, received);
///     for (;;) {
///       switch (protocol.next(input)) {
///         case Step::need_more: read on; `input` is empty
///         case Step::yield:     much was decompressed: serve other connections, then call it again with the rest
///         case Step::message:   events.on_message(protocol.take_message())
///         case Step::ping:      send(Opcode::pong, protocol.control_payload())
///         case Step::pong:      the peer is alive
///         case Step::close:     answer close_payload(protocol.close_reason()), and end
///         case Step::failed:    send close_payload(protocol.close_reason()), and end
///       }
///     }
///
/// It fails at the first byte that proves a fault: 1002 for a frame that RFC 6455 forbids, 1007 for text that is not
/// UTF-8 and for a compressed message that can't be read (RFC 6455 section 7.4.1: data that does not fit the message's
/// type), 1009 for a message past the limit, as soon as a frame's length shows it or, compressed, as that much has been
/// decompressed or far more has arrived than that would take, 1008 for the frame that is one too many for its message.
/// Incomplete frames and messages are kept inside, never in the caller's buffer. An empty() one owns no memory, and
/// another connection with the same limits may use it next. One thread at a time.
class SLUICE_API ServerProtocol {
 public:
  enum class Step : std::uint8_t { need_more, yield, message, ping, pong, close, failed };
  /// The highest ServerLimits::frames_per_message.
  static constexpr std::uint32_t most_frames = (std::uint32_t{1} << 24U) - 1;

  /// It uses the limits on messages. They outlive it.
  explicit ServerProtocol(const ServerLimits& limits) noexcept;
  explicit ServerProtocol(ServerLimits&&) = delete;
  ServerProtocol(ServerProtocol&&) noexcept;
  ServerProtocol& operator=(ServerProtocol&&) noexcept;
  ~ServerProtocol();

  /// permessage-deflate was negotiated: messages may be compressed. Call it before the first byte, or with null to end
  /// it.
  void inflate_with(std::unique_ptr<MessageInflater> inflater) noexcept;

  /// Takes bytes off the front of `input`, unmasking them in place, and returns as soon as one thing is complete.
  /// `need_more` has taken all. After `close` or `failed`, everything is taken, ignored and answered `need_more`.
  Step next(std::span<char>& input);

  /// After `message`, at most once: the whole message, its fragments joined; text is valid UTF-8.
  Message take_message() noexcept;
  /// After `ping` or `pong`: at most 125 bytes, valid until the next call of next() and while its input stands.
  std::string_view control_payload() const noexcept { return {control_, control_bytes_}; }
  /// After `close`: the peer's reason, 1005 if it has no code (behaviour LC-21). After `failed`: the reason to close
  /// with.
  const CloseReason& close_reason() const noexcept;
  /// True after `close` or `failed`.
  bool ended() const noexcept { return ended_ != 0; }
  /// How many frames of messages have begun since this was last called: each frame costs work, however small it is.
  std::uint32_t take_frames() noexcept { return std::exchange(uncounted_frames_, 0); }
  /// True inside a frame or a message.
  bool begun() const noexcept { return !ended_ && (frames_ > 0 || in_payload_ || !header_.empty()); }
  /// Memory in use for a message that has begun and not ended, in bytes; 0 between two messages.
  std::size_t held_bytes() const noexcept;
  /// True in its initial state: between two frames and two messages, without an inflater.
  bool empty() const noexcept {
    return !ended_ && !in_payload_ && frames_ == 0 && header_.empty() && !inflater_ && !rarity_;
  }

 private:
  struct Rarity;
  struct Fault {
    std::uint16_t code = 0;
    std::string_view text;
  };

  Fault fault_of_header() const noexcept;
  void begin_frame() noexcept;
  std::string_view take_payload(std::span<char>& input, std::size_t most) noexcept;
  bool in_compressed() const noexcept;
  Step take_data(std::span<char>& input);
  Step take_compressed(std::string_view payload, bool whole);
  Step end_of_payload(bool whole) noexcept;
  Step take_control(std::span<char>& input);
  Step take_close(std::string_view payload, bool whole);
  Step fail(std::uint16_t code, std::string_view text);
  Step end(Step last, CloseReason reason);
  Rarity& rarity();

  const ServerLimits* limits_;
  std::uint64_t payload_left_ = 0;  // of the frame whose header stands in header_
  std::string message_;             // complete after Step::message, otherwise the part that has arrived
  const char* control_ = nullptr;
  std::unique_ptr<Rarity> rarity_;  // a control frame in pieces, the reason of the end; otherwise null
  std::unique_ptr<MessageInflater> inflater_;
  FrameHeaderReader header_;
  json::Utf8Validator utf8_;  // of a text message that comes in pieces; between messages always at a border
  std::uint8_t control_bytes_ = 0;
  std::uint32_t uncounted_frames_ = 0;
  std::uint32_t worked_ = 0;          // in this call of next(), see most_work
  std::uint32_t frames_ : 24 = 0;     // of the incomplete message; 0: there is none
  std::uint32_t is_text_ : 1 = 0;     // the message
  std::uint32_t in_payload_ : 1 = 0;  // the header is whole, payload_left_ bytes follow
  std::uint32_t ended_ : 1 = 0;
};

/// The payload of a close frame: the code, and the text cut to 123 bytes at a character's border. 1005 gives an empty
/// payload. The wire carries only what is allowed (RFC 6455 section 7.4, behaviour LC-14): a code that must not be sent
/// becomes 1011, and a text that is not UTF-8 is left out.
SLUICE_API std::string close_payload(const CloseReason& reason);

}  // namespace sluice::SLUICE_ABI::ws
