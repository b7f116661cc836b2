// SPDX-License-Identifier: MIT
#include "sluice/testing/recording_connection.hpp"

#include <fmt/format.h>

namespace sluice::SLUICE_ABI::testing {
namespace {

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return out;
}

std::string with_text(std::string line, std::string_view text) {
  return text.empty() ? line : fmt::format("{} {}", line, text);
}

struct ToLine {
  std::string operator()(const Acceptance& acceptance) const {
    std::string line = with_text("accept", acceptance.subprotocol());
    for (const auto& [name, value] : acceptance.headers()) line += fmt::format(" {}={}", name, value);
    return line;
  }
  std::string operator()(const Denial& denial) const {
    return with_text(fmt::format("deny {}", denial.http_status()), denial.body());
  }
  std::string operator()(const Message& message) const {
    return message.is_text() ? fmt::format("text: {}", message.data()) : fmt::format("binary: {}", hex(message.data()));
  }
  std::string operator()(const CloseReason& reason) const {
    return with_text(fmt::format("close {}", reason.code()), reason.text());
  }
};

}  // namespace

std::string to_string(const Heard& heard) { return std::visit(ToLine(), heard); }

RecordingConnection::RecordingConnection(Executor& executor) : executor_(executor) {}
RecordingConnection::~RecordingConnection() = default;

void RecordingConnection::open(Gateway& gateway, Scope scope) {
  attach(gateway.open(std::move(scope), shared_from_this(), executor_));
}

void RecordingConnection::attach(std::shared_ptr<ConnectionEvents> events) {
  events_ = std::move(events);
  opened_ = events_;
}

void RecordingConnection::say(Message message) {
  if (ending_) return;
  said_.emplace_back(std::move(message));
  deliver_later();
}

void RecordingConnection::say_close(CloseReason reason) {
  if (ending_) return;
  said_.emplace_back(std::move(reason));
  deliver_later();
}

void RecordingConnection::vanish() {
  if (ending_) return;
  end_later(close_code::abnormal);
}

void RecordingConnection::stop(CloseReason reason) {
  executor_.post([self = shared_from_this(), reason = std::move(reason)] {
    if (self->accepted_ && !self->ending_ && self->events_) self->events_->on_stop(reason);
  });
}

void RecordingConnection::stall(std::size_t limit) { stalled_at_ = limit; }

void RecordingConnection::unstall() {
  stalled_at_.reset();
  set_queued_bytes(0);
}

void RecordingConnection::set_queued_bytes(std::size_t bytes) {
  queued_bytes_ = bytes;
  tell_if_drained();
}

std::optional<Heard> RecordingConnection::take() {
  if (heard_.empty()) return std::nullopt;
  Heard next = std::move(heard_.front());
  heard_.pop_front();
  return next;
}

void RecordingConnection::accept(const Acceptance& acceptance) {
  if (!works("accept", !accepted_)) return;
  accepted_ = true;
  hear(acceptance);
}

void RecordingConnection::deny(const Denial& denial) {
  if (!works("deny", !accepted_)) return;
  hear(denial);
  end_later(close_code::abnormal);
}

void RecordingConnection::send(const Frame& frame) {
  if (!works("send", accepted_)) return;
  ++sends_;
  FrameReader messages(frame.wire());
  while (auto message = messages.next()) hear(Message(message.kind, std::string(message.payload)));
  if (!stalled_at_) return;
  queued_bytes_ += frame.size();
  if (queued_bytes_ > *stalled_at_) close(CloseReason(close_code::try_again_later, "too slow"));
}

void RecordingConnection::close(const CloseReason& reason) {
  if (!works("close", accepted_)) return;
  hear(reason);
  end_later(reason);
}

void RecordingConnection::pause_reading() {
  if (!works("pause_reading", true) || paused_) return;
  paused_ = true;
  write("pause");
}

void RecordingConnection::resume_reading() {
  if (!works("resume_reading", true) || !paused_) return;
  paused_ = false;
  write("resume");
  deliver_later();
}

void RecordingConnection::tell_when_drained() {
  if (!works("tell_when_drained", accepted_)) return;
  wants_drained_ = true;
  tell_if_drained();
}

void RecordingConnection::tell_if_drained() {
  if (queued_bytes_ > 0 || !std::exchange(wants_drained_, false)) return;
  executor_.post([self = shared_from_this()] {
    if (!self->ending_ && self->events_) self->events_->on_drained();
  });
}

void RecordingConnection::deliver_later() {
  if (std::exchange(delivery_posted_, true)) return;
  executor_.post([self = shared_from_this()] { self->deliver(); });
}

// A close frame behind waiting messages is delivered after them. Without waiting messages it is delivered during a
// pause, as by a transport that had read it already.
void RecordingConnection::deliver() {
  delivery_posted_ = false;
  while (!ending_ && events_ && !said_.empty()) {
    auto next = std::move(said_.front());
    if (auto* message = std::get_if<Message>(&next)) {
      if (paused_) {
        said_.front() = std::move(next);
        return;
      }
      said_.pop_front();
      events_->on_message(std::move(*message));
    } else {
      ending_ = true;
      tell_end(std::get<CloseReason>(next));
    }
  }
}

void RecordingConnection::end_later(CloseReason reason) {
  ending_ = true;
  executor_.post([self = shared_from_this(), reason = std::move(reason)] { self->tell_end(reason); });
}

void RecordingConnection::tell_end(const CloseReason& reason) {
  said_.clear();
  ended_ = true;
  if (auto events = std::exchange(events_, nullptr)) events->on_closed(reason);
}

void RecordingConnection::hear(Heard heard) {
  write(to_string(heard));
  heard_.push_back(std::move(heard));
}

void RecordingConnection::write(std::string_view line) {
  if (!transcript_.empty()) transcript_ += '\n';
  transcript_ += line;
}

// True if this call may have an effect. A call that breaks the contract of Connection is recorded instead.
bool RecordingConnection::works(std::string_view what, bool in_order) {
  if (Executor::current() && !executor_.runs_here()) write(fmt::format("BUG {} on another executor", what));
  if (ending_) return false;
  if (!in_order) write(fmt::format("BUG {} out of order", what));
  return in_order;
}

}  // namespace sluice::SLUICE_ABI::testing
