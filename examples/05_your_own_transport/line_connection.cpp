// SPDX-License-Identifier: MIT
#include "line_connection.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "sluice/json/utf8.hpp"

using sluice::CloseReason;
namespace close_code = sluice::close_code;

LineConnection::LineConnection(int socket, std::string client_address, PollLoop& loop, sluice::Gateway& gateway,
                               const sluice::ServerLimits& limits, std::function<void()> gone)
    : socket_(socket),
      client_address_(std::move(client_address)),
      loop_(loop),
      gateway_(gateway),
      limits_(limits),
      gone_(std::move(gone)) {}

LineConnection::~LineConnection() { ::close(socket_); }

void LineConnection::start() {
  loop_.watch(socket_, shared_from_this());
  loop_.post_after(limits_.handshake_time, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self && self->state_ == State::target) self->end(CloseReason(close_code::abnormal));
  });
}

void LineConnection::stop(const CloseReason& reason) {
  if (state_ != State::open) return close(reason);
  loop_.post_after(limits_.close_time, [weak = weak_from_this(), reason] {
    if (const auto self = weak.lock()) self->close(reason);
  });
  events_->on_stop(reason);
}

// --- What the gateway asks for. None of it calls back before it returns.

void LineConnection::accept(const sluice::Acceptance&) {
  if (state_ != State::handshake) return;
  state_ = State::open;
  out_ += "101\n";
  take_lines_soon();
}

void LineConnection::deny(const sluice::Denial& denial) {
  if (state_ != State::handshake) return;
  out_ += fmt::format("{}\n", denial.http_status());
  close(CloseReason(close_code::abnormal));
}

void LineConnection::send(const sluice::Frame& frame) {
  if (state_ != State::open) return;
  sluice::FrameReader messages(frame.wire());
  while (const auto message = messages.next()) {
    if (message.kind == sluice::MessageKind::binary) return close(CloseReason(close_code::unsupported_data));
    // In JSON a line break is white space like any other, and this transport needs it for itself.
    std::ranges::replace_copy(message.payload, std::back_inserter(out_), '\n', ' ');
    out_ += '\n';
  }
  if (out_.size() > gateway_.consumer_limits().queued_bytes) {
    out_.clear();
    close(CloseReason(close_code::try_again_later));
  }
}

void LineConnection::close(const CloseReason& reason) {
  if (state_ >= State::closing) return;
  state_ = State::closing;
  reason_ = reason;
  loop_.post_after(limits_.close_time, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->end(CloseReason(close_code::abnormal));
  });
}

void LineConnection::resume_reading() {
  paused_ = false;
  take_lines_soon();
}

void LineConnection::tell_when_drained() {
  wants_drained_ = true;
  tell_if_drained();
}

// --- What the socket does

short LineConnection::wants() const {
  const bool hears = state_ == State::target || state_ >= State::closing || (state_ == State::open && !paused_);
  const bool speaks = !out_.empty() || state_ == State::closing;
  return static_cast<short>((hears ? POLLIN : 0) | (speaks ? POLLOUT : 0));
}

void LineConnection::ready(short events) {
  if ((events & POLLOUT) != 0) write();
  if ((events & POLLIN) != 0) {
    read();
  } else if ((events & (POLLHUP | POLLERR)) != 0) {
    end(CloseReason(close_code::abnormal));
  }
}

void LineConnection::write() {
  const auto written = ::send(socket_, out_.data(), out_.size(), MSG_NOSIGNAL);
  if (written > 0) out_.erase(0, static_cast<std::size_t>(written));
  if (written < 0 && errno != EAGAIN && errno != EINTR) return end(CloseReason(close_code::abnormal));
  if (out_.empty() && state_ == State::closing) {
    state_ = State::parting;
    ::shutdown(socket_, SHUT_WR);
  }
  tell_if_drained();
}

void LineConnection::tell_if_drained() {
  if (!out_.empty() || state_ != State::open || !std::exchange(wants_drained_, false)) return;
  loop_.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self && self->state_ == State::open) self->events_->on_drained();
  });
}

void LineConnection::read() {
  char bytes[16 * 1024];
  const auto received = ::recv(socket_, bytes, sizeof bytes, 0);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (received <= 0) return end(CloseReason(received == 0 ? close_code::no_status : close_code::abnormal));
  if (state_ >= State::closing) return;
  in_.append(bytes, static_cast<std::size_t>(received));
  take_lines();
}

void LineConnection::take_lines_soon() {
  loop_.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->take_lines();
  });
}

void LineConnection::take_lines() {
  std::size_t taken = 0;
  while ((state_ == State::target || state_ == State::open) && !paused_) {
    const std::size_t end = in_.find('\n', taken);
    if (end == in_.npos) break;
    std::string line = in_.substr(taken, end - taken);
    taken = end + 1;
    if (line.ends_with('\r')) line.pop_back();
    if (line.size() > limits_.message_bytes) {
      close(CloseReason(close_code::too_big));
    } else if (!sluice::json::is_valid_utf8(line)) {
      close(CloseReason(close_code::invalid_payload));
    } else if (state_ == State::target) {
      open(line);
    } else {
      events_->on_message(sluice::Message::text(std::move(line)));
    }
  }
  in_.erase(0, taken);
  // A line that has not ended yet; what waits while nobody takes lines is held back by wants().
  if (in_.find('\n') == in_.npos && in_.size() > limits_.message_bytes) close(CloseReason(close_code::too_big));
}

void LineConnection::open(std::string_view target) {
  sluice::RequestInfo request;
  const std::size_t question = target.find('?');
  request.path = request.raw_path = target.substr(0, question);
  if (question != target.npos) request.query_string = target.substr(question + 1);
  request.client_address = client_address_;
  request.scheme = "lines";
  state_ = State::handshake;
  events_ = gateway_.open(sluice::Scope(std::move(request)), shared_from_this(), loop_);
}

void LineConnection::end(const CloseReason& reason) {
  const State before = std::exchange(state_, State::closed);
  if (before == State::closed) return;
  const auto kept = shared_from_this();
  loop_.forget(socket_);
  ::shutdown(socket_, SHUT_RDWR);
  if (events_) std::exchange(events_, nullptr)->on_closed(before >= State::closing ? reason_ : reason);
  gone_();
}
