// SPDX-License-Identifier: MIT
#include "sluice/ws/frame_deflater.hpp"

#include <algorithm>
#include <cstdint>

namespace sluice::SLUICE_ABI::ws {
namespace {

constexpr std::uint8_t deflated_bit = 0x40;  // RSV1
constexpr std::size_t remembered = 8;
// Memory that is kept for the next call: at most a chunk of a FrameBuffer.
constexpr std::size_t worth_keeping = 64 * 1024;

void empty(std::string& text) noexcept {
  text.clear();
  if (text.capacity() > worth_keeping) text.shrink_to_fit();
}

}  // namespace

Frame FrameDeflater::deflate(const Frame& frame) {
  if (frame.size() < bench_.options.smallest) return frame;
  if (context_ == DeflateContext::per_connection) return twin_of(frame);
  const std::string_view wire = frame.wire();
  const Twins* known = recent_at_front_of(wire);
  if (known && known->plain.size() == wire.size()) return known->compressed;
  Frame twin = twin_of(frame);
  remember(frame, twin);
  return twin;
}

Frame FrameDeflater::twin_of(const Frame& frame) {
  bool differs = false;
  for (std::string_view rest = frame.wire(); !rest.empty();) {
    std::size_t taken;
    if (const Twins* part = recent_at_front_of(rest)) {  // frames that waited in a mailbox were joined
      taken = part->plain.size();
      bench_.wire += part->compressed.wire();
      differs = differs || part->plain.wire().data() != part->compressed.wire().data();
    } else {
      const std::string_view payload = FrameReader(rest).next().payload;
      taken = static_cast<std::size_t>(payload.data() + payload.size() - rest.data());
      differs = write(rest.substr(0, taken), payload) || differs;
    }
    rest.remove_prefix(taken);
  }
  Frame twin = differs ? bench_.frames.append(bench_.wire) : frame;
  empty(bench_.wire);
  return twin;
}

// Writes one message, given with and without its header, and returns whether it is compressed.
bool FrameDeflater::write(std::string_view wire, std::string_view payload) {
  const bool compressed = payload.size() >= bench_.options.smallest && compress(payload);
  if (compressed) {
    const auto first_byte = static_cast<std::uint8_t>(static_cast<std::uint8_t>(wire[0]) | deflated_bit);
    append_frame_header(bench_.wire, first_byte, bench_.message.size());
    bench_.wire += bench_.message;
  } else {
    bench_.wire += wire;
  }
  empty(bench_.message);
  return compressed;
}

// Compresses into bench_.message. False: send it uncompressed. A window that is kept between messages must receive
// every message that was compressed with it.
bool FrameDeflater::compress(std::string_view payload) {
  if (!deflater_) deflater_.emplace(window_bits_, bench_.options.level, bench_.options.memory_level);
  const bool alone = context_ == DeflateContext::per_message;
  deflater_->deflate(payload, bench_.message);
  if (alone) deflater_->forget();
  const bool shorter = bench_.message.size() < payload.size();
  ++bench_.totals.messages;
  bench_.totals.plain_bytes += payload.size();
  bench_.totals.wire_bytes += alone && !shorter ? payload.size() : bench_.message.size();
  return shorter || !alone;
}

const FrameDeflater::Twins* FrameDeflater::recent_at_front_of(std::string_view wire) const noexcept {
  const Twins* longest = nullptr;
  for (const Twins& twins : recent_) {
    const bool fits = twins.plain.wire().data() == wire.data() && twins.plain.size() <= wire.size();
    if (fits && (!longest || twins.plain.size() > longest->plain.size())) longest = &twins;
  }
  return longest;
}

void FrameDeflater::remember(const Frame& plain, const Frame& compressed) {
  if (recent_.size() < remembered) {
    recent_.push_back({plain, compressed});
  } else {
    recent_[oldest_] = {plain, compressed};
    oldest_ = (oldest_ + 1) % remembered;
  }
}

void FrameDeflater::settle() noexcept {
  for (Twins& twins : recent_) {
    if (std::max(twins.plain.pinned_bytes(), twins.compressed.pinned_bytes()) > worth_keeping) twins = {};
  }
}

}  // namespace sluice::SLUICE_ABI::ws
