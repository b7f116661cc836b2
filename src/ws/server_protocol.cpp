// SPDX-License-Identifier: MIT
#include "sluice/ws/server_protocol.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "sluice/ws/message_inflater.hpp"
#include "ws/unmask.hpp"

namespace sluice::SLUICE_ABI::ws {
namespace {

constexpr const char* not_utf8 = "the text is not UTF-8";
constexpr const char* too_big = "the message is too big";

// The work of one call of next() before it yields, about a millisecond: each decompressed byte counts 1 and each
// compressed byte 16, as a row of empty blocks costs time too.
constexpr std::uint32_t most_work = 256 * 1024;
constexpr std::uint32_t work_per_wire_byte = 16;
constexpr std::size_t wire_bytes_at_once = 1024;  // which decompress to a megabyte at most

std::string_view view(std::span<const char> bytes) noexcept { return {bytes.data(), bytes.size()}; }

// The code of a close frame's payload, in network byte order.
std::uint16_t code_in(std::string_view payload) noexcept {
  return static_cast<std::uint16_t>(static_cast<std::uint8_t>(payload[0]) << 8 | static_cast<std::uint8_t>(payload[1]));
}

std::string_view cut_at_character(std::string_view text, std::size_t limit) noexcept {
  if (text.size() <= limit) return text;
  const auto inside_character = [&](std::size_t at) { return (static_cast<std::uint8_t>(text[at]) & 0xc0) == 0x80; };
  while (limit > 0 && inside_character(limit)) --limit;
  return text.substr(0, limit);
}

}  // namespace

// State that few connections need at a time, so that the others do not carry it.
struct ServerProtocol::Rarity {
  std::array<char, max_control_bytes> control;
  std::size_t control_bytes = 0;
  CloseReason reason;
};

ServerProtocol::ServerProtocol(const ServerLimits& limits) noexcept : limits_(&limits) {
  assert(limits.frames_per_message <= most_frames && "the frames of a message are counted in 24 bits");
}
ServerProtocol::ServerProtocol(ServerProtocol&&) noexcept = default;
ServerProtocol& ServerProtocol::operator=(ServerProtocol&&) noexcept = default;
ServerProtocol::~ServerProtocol() = default;

void ServerProtocol::inflate_with(std::unique_ptr<MessageInflater> inflater) noexcept {
  inflater_ = std::move(inflater);
  header_.allow_compression(inflater_ != nullptr);
}

ServerProtocol::Step ServerProtocol::next(std::span<char>& input) {
  if (ended_) {
    input = input.last(0);
    return Step::need_more;
  }
  if (!in_payload_) rarity_.reset();
  worked_ = 0;
  for (;;) {
    if (!in_payload_) {
      const auto header = header_.next(input);
      if (header == FrameHeaderReader::Step::failed) return fail(close_code::protocol_error, header_.fault());
      if (const Fault fault = fault_of_header(); fault.code != 0) return fail(fault.code, fault.text);
      if (header == FrameHeaderReader::Step::need_more) return Step::need_more;
      begin_frame();
    }
    const Step step = is_control(header_.opcode()) ? take_control(input) : take_data(input);
    if (step != Step::need_more || (in_payload_ && input.empty())) return step;
    if (worked_ >= most_work && !input.empty()) return Step::yield;
  }
}

Message ServerProtocol::take_message() noexcept {
  assert(frames_ == 0 && !ended_ && "take_message() follows Step::message");
  return Message(is_text_ ? MessageKind::text : MessageKind::binary, std::exchange(message_, {}));
}

const CloseReason& ServerProtocol::close_reason() const noexcept {
  assert(ended_ && "close_reason() follows Step::close or Step::failed");
  return rarity_->reason;
}

// The fault of a header at this place in the stream, as far as the header has arrived.
ServerProtocol::Fault ServerProtocol::fault_of_header() const noexcept {
  if (!header_.has_opcode()) return {};
  const bool length_known = header_.has_length();
  if (is_control(header_.opcode())) {
    const bool half_a_code = header_.opcode() == Opcode::close && length_known && header_.payload_bytes() == 1;
    return half_a_code ? Fault{close_code::protocol_error, "a close frame holds half a code"} : Fault{};
  }
  const bool continues = header_.opcode() == Opcode::continuation;
  if (continues && frames_ == 0) return {close_code::protocol_error, "there is nothing to continue"};
  if (!continues && frames_ > 0) return {close_code::protocol_error, "a message begins inside another"};
  if (frames_ >= limits_->frames_per_message) {
    return {close_code::policy_violation, "the message is in too many frames"};
  }
  if (!length_known) return {};
  const bool compressed = continues ? in_compressed() : header_.compressed();
  // The decompressed size is not known yet.
  const std::uint64_t room = compressed ? inflater_->wire_room(limits_->message_bytes)
                                        : limits_->message_bytes - (continues ? message_.size() : 0);
  return header_.payload_bytes() > room ? Fault{close_code::too_big, too_big} : Fault{};
}

void ServerProtocol::begin_frame() noexcept {
  in_payload_ = true;
  payload_left_ = header_.payload_bytes();
  if (is_control(header_.opcode())) return;
  ++uncounted_frames_;
  if (frames_++ > 0) return;
  is_text_ = header_.opcode() == Opcode::text;
  message_.clear();  // the last message may not have been taken
  if (header_.compressed()) inflater_->begin();
}

// The available part of the frame's payload, at most `most` bytes, unmasked.
std::string_view ServerProtocol::take_payload(std::span<char>& input, std::size_t most) noexcept {
  most = std::min(most, input.size());
  const auto bytes = input.first(static_cast<std::size_t>(std::min<std::uint64_t>(payload_left_, most)));
  unmask(bytes, header_.masking_key(), header_.payload_bytes() - payload_left_);
  input = input.subspan(bytes.size());
  payload_left_ -= bytes.size();
  in_payload_ = payload_left_ > 0;
  return view(bytes);
}

bool ServerProtocol::in_compressed() const noexcept { return inflater_ && inflater_->in_message(); }

std::size_t ServerProtocol::held_bytes() const noexcept {
  if (frames_ == 0) return 0;
  return message_.capacity() + (in_compressed() ? inflater_->allocated_bytes() : 0);
}

ServerProtocol::Step ServerProtocol::take_data(std::span<char>& input) {
  const bool compressed = in_compressed();
  const std::string_view payload = take_payload(input, compressed ? wire_bytes_at_once : input.size());
  const bool whole = !in_payload_ && header_.fin();
  if (compressed) return take_compressed(payload, whole);
  const bool at_once = whole && header_.opcode() != Opcode::continuation && payload.size() == header_.payload_bytes();
  if (is_text_) {
    // One call for a message that is here in one piece; the incremental validator is for messages in pieces.
    const bool valid = at_once ? json::is_valid_utf8(payload) : utf8_.feed(payload) && (!whole || utf8_.at_boundary());
    if (!valid) return fail(close_code::invalid_payload, not_utf8);
  }
  if (at_once) {
    message_ = std::string(payload);
  } else {
    message_.append(payload);
  }
  return end_of_payload(whole);
}

// Decompressed bytes are checked before a fault behind them is reported, so that the fault does not depend on how the
// bytes are split.
ServerProtocol::Step ServerProtocol::take_compressed(std::string_view payload, bool whole) {
  using Outcome = Inflater::Outcome;
  const std::size_t before = message_.size();
  const Outcome outcome = inflater_->inflate(payload, whole, message_, limits_->message_bytes);
  worked_ += static_cast<std::uint32_t>(message_.size() - before + work_per_wire_byte * payload.size());
  if (is_text_ && !utf8_.feed(std::string_view(message_).substr(before))) {
    return fail(close_code::invalid_payload, not_utf8);
  }
  if (outcome == Outcome::too_big) return fail(close_code::too_big, too_big);
  if (outcome == Outcome::corrupt) return fail(close_code::invalid_payload, "the compressed message can't be read");
  if (whole && !utf8_.at_boundary()) return fail(close_code::invalid_payload, not_utf8);
  return end_of_payload(whole);
}

ServerProtocol::Step ServerProtocol::end_of_payload(bool whole) noexcept {
  if (in_payload_) return Step::need_more;
  header_.clear();
  if (!whole) return Step::need_more;
  frames_ = 0;
  return Step::message;
}

ServerProtocol::Step ServerProtocol::take_control(std::span<char>& input) {
  std::string_view payload = take_payload(input, input.size());
  if (payload.size() < header_.payload_bytes()) {
    Rarity& kept = rarity();
    std::copy(payload.begin(), payload.end(), kept.control.begin() + kept.control_bytes);
    kept.control_bytes += payload.size();
    payload = {kept.control.data(), kept.control_bytes};
  }
  const Opcode opcode = header_.opcode();
  if (!in_payload_) header_.clear();
  if (opcode == Opcode::close) return take_close(payload, !in_payload_);
  if (in_payload_) return Step::need_more;
  control_ = payload.data();
  control_bytes_ = static_cast<std::uint8_t>(payload.size());
  return opcode == Opcode::ping ? Step::ping : Step::pong;
}

// Checks the part of a close frame that has arrived (RFC 6455 sections 5.5.1 and 7.4).
ServerProtocol::Step ServerProtocol::take_close(std::string_view payload, bool whole) {
  if (payload.size() < 2) return whole ? end(Step::close, close_code::no_status) : Step::need_more;
  const std::uint16_t code = code_in(payload);
  if (!may_be_sent(code)) return fail(close_code::protocol_error, "the close code may not be sent");
  const std::string_view text = payload.substr(2);
  json::Utf8Validator utf8;
  if (!utf8.feed(text) || (whole && !utf8.at_boundary())) {
    return fail(close_code::invalid_payload, "the close reason is not UTF-8");
  }
  return whole ? end(Step::close, {code, std::string(text)}) : Step::need_more;
}

ServerProtocol::Step ServerProtocol::fail(std::uint16_t code, std::string_view text) {
  return end(Step::failed, {code, std::string(text)});
}

ServerProtocol::Step ServerProtocol::end(Step last, CloseReason reason) {
  ended_ = 1;
  message_ = {};
  inflater_.reset();
  rarity().reason = std::move(reason);
  return last;
}

ServerProtocol::Rarity& ServerProtocol::rarity() {
  if (!rarity_) rarity_ = std::make_unique<Rarity>();
  return *rarity_;
}

std::string close_payload(const CloseReason& reason) {
  if (reason.code() == close_code::no_status) return {};
  const std::uint16_t code = may_be_sent(reason.code()) ? reason.code() : close_code::internal_error;
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  if (json::is_valid_utf8(reason.text())) payload += cut_at_character(reason.text(), max_close_text_bytes);
  return payload;
}

}  // namespace sluice::SLUICE_ABI::ws
