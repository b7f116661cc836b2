// SPDX-License-Identifier: MIT
#include "net/socket/write_queue.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace sluice::SLUICE_ABI::net {
namespace {

// How many bytes from `written` to the end of the message that byte `written - 1` belongs to.
std::size_t bytes_to_border(std::string_view wire, std::size_t written) noexcept {
  FrameReader messages(wire);
  const char* const reached = wire.data() + written;
  while (const auto message = messages.next()) {
    const char* const border = message.payload.data() + message.payload.size();
    if (border >= reached) return static_cast<std::size_t>(border - reached);
  }
  return 0;
}

// The overhead of a range: its entry in the queue, the header of its chunk, and the allocator's word.
constexpr std::size_t range_bytes = 64;

// A frame that does not fill its chunk prevents the rest of the chunk from being reused.
bool pins_more_than_itself(const Frame& frame) noexcept {
  return !frame.alone() && frame.pinned_bytes() > frame.size() + frame.size() / 8;
}

}  // namespace

struct WriteQueue::PendingWrites {
  std::vector<Frame> ranges;  // behind the front
  std::size_t first = 0;      // ranges before it are written
  std::size_t settled = 0;    // ranges before it were checked by release_shared()
  bool front_settled = false;
  std::size_t owed = 0;         // bytes at the front that complete a message partly written
  std::string ahead;            // bytes that go after those and before everything else
  std::size_t ahead_taken = 0;  // of them written
  std::size_t ahead_begun = 0;  // up to here they can't be replaced any more

  std::string_view ahead_left() const noexcept { return std::string_view(ahead).substr(ahead_taken); }
  bool idle() const noexcept { return first == ranges.size() && owed == 0 && ahead_left().empty(); }
  void reset() noexcept {
    ranges.clear();
    ahead.clear();
    first = settled = owed = ahead_taken = ahead_begun = 0;
    front_settled = false;
  }
};

WriteQueue::Spares::Spares() noexcept = default;
WriteQueue::Spares::~Spares() = default;
WriteQueue::WriteQueue() noexcept = default;
WriteQueue::~WriteQueue() = default;

bool WriteQueue::empty() const noexcept { return bytes_ == 0 && (!pending_ || pending_->ahead_left().empty()); }

std::size_t WriteQueue::bytes_and_places() const noexcept {
  return bytes_ + range_bytes * (pending_->ranges.size() - pending_->first);
}

std::size_t WriteQueue::ahead_bytes() const noexcept { return pending_ ? pending_->ahead.size() : 0; }

WriteQueue::PendingWrites& WriteQueue::pending(Spares& spares) {
  if (!pending_ && spares.free_.empty()) {
    pending_ = std::make_unique<PendingWrites>();
  } else if (!pending_) {
    pending_ = std::move(spares.free_.back());
    spares.free_.pop_back();
  }
  return *pending_;
}

void WriteQueue::give_back(Spares& spares) noexcept {
  if (!pending_) return;
  pending_->reset();
  constexpr std::size_t worth_keeping = 4096;
  const bool small = pending_->ranges.capacity() * sizeof(Frame) + pending_->ahead.capacity() <= worth_keeping;
  try {
    if (small && spares.free_.size() < Spares::most) spares.free_.push_back(std::move(pending_));
  } catch (...) {  // no memory to keep it
  }
  pending_.reset();
}

void WriteQueue::push(const Frame& frame, Spares& spares) {
  if (frame.empty()) return;
  if (bytes_ == 0) {
    front_ = frame;
  } else {
    const bool only_front = !pending_ || pending_->first == pending_->ranges.size();
    Frame& last = only_front ? front_ : pending_->ranges.back();
    if (!last.extend(frame)) pending(spares).ranges.push_back(frame);
  }
  bytes_ += frame.size();
}

void WriteQueue::push_ahead(std::string_view control_frame, Spares& spares) {
  PendingWrites& pending_now = pending(spares);
  pending_now.ahead.resize(pending_now.ahead_begun);
  pending_now.ahead += control_frame;
}

void WriteQueue::push_ping(std::string_view ping, Spares& spares) {
  PendingWrites& pending_now = pending(spares);
  pending_now.ahead.insert(pending_now.ahead_begun, ping);
  pending_now.ahead_begun += ping.size();
}

void WriteQueue::push_bytes(std::string_view bytes, Spares& spares) {
  assert(bytes_ == 0 && "bytes that are no frame go before the first frame");
  PendingWrites& pending_now = pending(spares);
  pending_now.ahead += bytes;
  pending_now.ahead_begun = pending_now.ahead.size();
}

std::size_t WriteQueue::gather(std::span<std::string_view> views) const noexcept {
  std::size_t count = 0;
  const auto add = [&](std::string_view bytes) {
    if (!bytes.empty() && count < views.size()) views[count++] = bytes;
  };
  if (!pending_) {
    add(front_.wire());
    return count;
  }
  add(front_.wire().substr(0, pending_->owed));
  add(pending_->ahead_left());
  add(front_.wire().substr(pending_->owed));
  for (std::size_t i = pending_->first; i < pending_->ranges.size() && count < views.size(); ++i) {
    add(pending_->ranges[i].wire());
  }
  return count;
}

void WriteQueue::took(std::size_t written, Spares& spares) {
  if (!pending_ && written == bytes_) {  // the ordinary case
    front_ = Frame();
    bytes_ = 0;
    return;
  }
  PendingWrites& pending_now = pending(spares);
  const std::size_t completing = std::min(written, pending_now.owed);
  front_.consume(completing);
  pending_now.owed -= completing;
  bytes_ -= completing;
  written -= completing;
  if (front_.empty()) pop_front();
  if (pending_now.owed == 0) took_ahead(written);
  if (written > 0) took_frames(written);
  if (bytes_ == 0 && pending_now.idle()) give_back(spares);
}

void WriteQueue::took_ahead(std::size_t& written) {
  PendingWrites& pending_now = *pending_;
  const std::size_t taken = std::min(written, pending_now.ahead_left().size());
  written -= taken;
  pending_now.ahead_taken += taken;
  if (pending_now.ahead_left().empty()) {
    pending_now.ahead.clear();
    pending_now.ahead_taken = pending_now.ahead_begun = 0;
  } else if (pending_now.ahead_taken > pending_now.ahead_begun) {
    pending_now.ahead_begun = pending_now.ahead.size();
  }
}

void WriteQueue::took_frames(std::size_t written) {
  assert(written <= bytes_ && "the kernel takes no more than it was given");
  bytes_ -= written;
  while (written > 0 && written >= front_.size()) {
    written -= front_.size();
    pop_front();
  }
  if (written == 0) return;
  pending_->owed = bytes_to_border(front_.wire(), written);
  front_.consume(written);
}

void WriteQueue::pop_front() noexcept {
  front_ = Frame();
  if (!pending_) return;
  pending_->front_settled = pending_->first < pending_->settled;
  if (pending_->first == pending_->ranges.size()) return;
  front_ = std::move(pending_->ranges[pending_->first++]);
  // Otherwise a reader that never catches up would leave an ever longer empty front.
  if (pending_->first < 64 && pending_->first < pending_->ranges.size()) return;
  if (pending_->first * 2 < pending_->ranges.size()) return;
  pending_->ranges.erase(pending_->ranges.begin(),
                         pending_->ranges.begin() + static_cast<std::ptrdiff_t>(pending_->first));
  pending_->settled -= std::min(pending_->settled, pending_->first);
  pending_->first = 0;
}

void WriteQueue::drop_waiting(Spares& spares) {
  PendingWrites& pending_now = pending(spares);
  if (pending_now.owed > 0) {
    pending_now.ahead.assign(front_.wire().substr(0, pending_now.owed));
    pending_now.ahead_taken = 0;
    pending_now.ahead_begun = pending_now.ahead.size();
  } else {
    pending_now.ahead.resize(pending_now.ahead_begun);
  }
  front_ = Frame();
  pending_now.ranges.clear();
  pending_now.first = pending_now.settled = pending_now.owed = 0;
  pending_now.front_settled = false;
  bytes_ = 0;
  if (pending_now.idle()) give_back(spares);
}

// With room for what follows, if that is small: the longer the queue, the more room, so that an eighth of it at most is
// empty.
void WriteQueue::settle(Frame& frame, FrameBuffer& frames) const noexcept {
  constexpr std::size_t least_room = 64, most_room = 16 * 1024;
  if (!pins_more_than_itself(frame)) return;
  const std::size_t room = std::clamp(bytes_ / 8, least_room, most_room);
  try {
    frame = frames.copy_with_room(frame, frame.size() <= room / 4 ? room : 0);
  } catch (...) {  // no memory for a copy: keep the frame
  }
}

void WriteQueue::release_shared(FrameBuffer& frames) noexcept {
  if (bytes_ == 0) return;
  if (!pending_) return settle(front_, frames);
  if (!std::exchange(pending_->front_settled, true)) settle(front_, frames);
  auto& ranges = pending_->ranges;
  std::size_t kept = std::max(pending_->first, pending_->settled);
  for (std::size_t i = kept; i < ranges.size(); ++i) {
    Frame& last = kept == pending_->first ? front_ : ranges[kept - 1];
    if (pins_more_than_itself(ranges[i]) && FrameBuffer::append_to(last, ranges[i])) continue;
    settle(ranges[i], frames);
    if (i != kept) ranges[kept] = std::move(ranges[i]);
    ++kept;
  }
  ranges.resize(kept);
  pending_->settled = kept;
  if (ranges.capacity() > 64 && ranges.capacity() > 4 * kept) ranges.shrink_to_fit();
}

void WriteQueue::clear(Spares& spares) noexcept {
  front_ = Frame();
  bytes_ = 0;
  give_back(spares);
}

}  // namespace sluice::SLUICE_ABI::net
