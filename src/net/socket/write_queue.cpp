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

struct WriteQueue::More {
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

bool WriteQueue::empty() const noexcept { return bytes_ == 0 && (!more_ || more_->ahead_left().empty()); }

std::size_t WriteQueue::bytes_and_places() const noexcept {
  return bytes_ + range_bytes * (more_->ranges.size() - more_->first);
}

std::size_t WriteQueue::ahead_bytes() const noexcept { return more_ ? more_->ahead.size() : 0; }

WriteQueue::More& WriteQueue::more(Spares& spares) {
  if (!more_ && spares.free_.empty()) {
    more_ = std::make_unique<More>();
  } else if (!more_) {
    more_ = std::move(spares.free_.back());
    spares.free_.pop_back();
  }
  return *more_;
}

void WriteQueue::give_back(Spares& spares) noexcept {
  if (!more_) return;
  more_->reset();
  constexpr std::size_t worth_keeping = 4096;
  const bool small = more_->ranges.capacity() * sizeof(Frame) + more_->ahead.capacity() <= worth_keeping;
  try {
    if (small && spares.free_.size() < Spares::most) spares.free_.push_back(std::move(more_));
  } catch (...) {  // no memory to keep it
  }
  more_.reset();
}

void WriteQueue::push(const Frame& frame, Spares& spares) {
  if (frame.empty()) return;
  if (bytes_ == 0) {
    front_ = frame;
  } else {
    const bool only_front = !more_ || more_->first == more_->ranges.size();
    Frame& last = only_front ? front_ : more_->ranges.back();
    if (!last.extend(frame)) more(spares).ranges.push_back(frame);
  }
  bytes_ += frame.size();
}

void WriteQueue::push_ahead(std::string_view control_frame, Spares& spares) {
  More& more_now = more(spares);
  more_now.ahead.resize(more_now.ahead_begun);
  more_now.ahead += control_frame;
}

void WriteQueue::push_ping(std::string_view ping, Spares& spares) {
  More& more_now = more(spares);
  more_now.ahead.insert(more_now.ahead_begun, ping);
  more_now.ahead_begun += ping.size();
}

void WriteQueue::push_bytes(std::string_view bytes, Spares& spares) {
  assert(bytes_ == 0 && "bytes that are no frame go before the first frame");
  More& more_now = more(spares);
  more_now.ahead += bytes;
  more_now.ahead_begun = more_now.ahead.size();
}

std::size_t WriteQueue::gather(std::span<std::string_view> views) const noexcept {
  std::size_t count = 0;
  const auto add = [&](std::string_view bytes) {
    if (!bytes.empty() && count < views.size()) views[count++] = bytes;
  };
  if (!more_) {
    add(front_.wire());
    return count;
  }
  add(front_.wire().substr(0, more_->owed));
  add(more_->ahead_left());
  add(front_.wire().substr(more_->owed));
  for (std::size_t i = more_->first; i < more_->ranges.size() && count < views.size(); ++i) {
    add(more_->ranges[i].wire());
  }
  return count;
}

void WriteQueue::took(std::size_t written, Spares& spares) {
  if (!more_ && written == bytes_) {  // the ordinary case
    front_ = Frame();
    bytes_ = 0;
    return;
  }
  More& more_now = more(spares);
  const std::size_t completing = std::min(written, more_now.owed);
  front_.consume(completing);
  more_now.owed -= completing;
  bytes_ -= completing;
  written -= completing;
  if (front_.empty()) pop_front();
  if (more_now.owed == 0) took_ahead(written);
  if (written > 0) took_frames(written);
  if (bytes_ == 0 && more_now.idle()) give_back(spares);
}

void WriteQueue::took_ahead(std::size_t& written) {
  More& more_now = *more_;
  const std::size_t taken = std::min(written, more_now.ahead_left().size());
  written -= taken;
  more_now.ahead_taken += taken;
  if (more_now.ahead_left().empty()) {
    more_now.ahead.clear();
    more_now.ahead_taken = more_now.ahead_begun = 0;
  } else if (more_now.ahead_taken > more_now.ahead_begun) {
    more_now.ahead_begun = more_now.ahead.size();
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
  more_->owed = bytes_to_border(front_.wire(), written);
  front_.consume(written);
}

void WriteQueue::pop_front() noexcept {
  front_ = Frame();
  if (!more_) return;
  more_->front_settled = more_->first < more_->settled;
  if (more_->first == more_->ranges.size()) return;
  front_ = std::move(more_->ranges[more_->first++]);
  // Otherwise a reader that never catches up would leave an ever longer empty front.
  if (more_->first < 64 && more_->first < more_->ranges.size()) return;
  if (more_->first * 2 < more_->ranges.size()) return;
  more_->ranges.erase(more_->ranges.begin(), more_->ranges.begin() + static_cast<std::ptrdiff_t>(more_->first));
  more_->settled -= std::min(more_->settled, more_->first);
  more_->first = 0;
}

void WriteQueue::drop_waiting(Spares& spares) {
  More& more_now = more(spares);
  if (more_now.owed > 0) {
    more_now.ahead.assign(front_.wire().substr(0, more_now.owed));
    more_now.ahead_taken = 0;
    more_now.ahead_begun = more_now.ahead.size();
  } else {
    more_now.ahead.resize(more_now.ahead_begun);
  }
  front_ = Frame();
  more_now.ranges.clear();
  more_now.first = more_now.settled = more_now.owed = 0;
  more_now.front_settled = false;
  bytes_ = 0;
  if (more_now.idle()) give_back(spares);
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
  if (!more_) return settle(front_, frames);
  if (!std::exchange(more_->front_settled, true)) settle(front_, frames);
  auto& ranges = more_->ranges;
  std::size_t kept = std::max(more_->first, more_->settled);
  for (std::size_t i = kept; i < ranges.size(); ++i) {
    Frame& last = kept == more_->first ? front_ : ranges[kept - 1];
    if (pins_more_than_itself(ranges[i]) && FrameBuffer::append_to(last, ranges[i])) continue;
    settle(ranges[i], frames);
    if (i != kept) ranges[kept] = std::move(ranges[i]);
    ++kept;
  }
  ranges.resize(kept);
  more_->settled = kept;
  if (ranges.capacity() > 64 && ranges.capacity() > 4 * kept) ranges.shrink_to_fit();
}

void WriteQueue::clear(Spares& spares) noexcept {
  front_ = Frame();
  bytes_ = 0;
  give_back(spares);
}

}  // namespace sluice::SLUICE_ABI::net
