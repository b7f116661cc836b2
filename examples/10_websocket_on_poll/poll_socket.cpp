// SPDX-License-Identifier: MIT
#include "poll_socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace http = sluice::http;
namespace ws = sluice::ws;
using Step = ws::ServerProtocol::Step;

struct Compression {  // what the connections of one loop share: loop.local<Compression>()
  ws::SharedDeflate shared{sluice::DeflateOptions()};
};

namespace {

std::string peer_of(int socket) {
  sockaddr_in peer{};
  socklen_t size = sizeof peer;
  char address[INET_ADDRSTRLEN] = "0.0.0.0";
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) == 0) {
    ::inet_ntop(AF_INET, &peer.sin_addr, address, sizeof address);
  }
  return std::string(address) + ":" + std::to_string(ntohs(peer.sin_port));
}

}  // namespace

PollSocket::PollSocket(int socket, PollLoop& loop, sluice::Gateway& gateway, const sluice::ServerLimits& limits,
                       std::function<void()> gone)
    : socket_(socket),
      loop_(loop),
      gateway_(gateway),
      limits_(limits),
      gone_(std::move(gone)),
      parser_(limits),
      protocol_(limits) {}

PollSocket::~PollSocket() { ::close(socket_); }

void PollSocket::start() {
  loop_.watch(socket_, shared_from_this());
  later(limits_.handshake_time, &PollSocket::expire);
}

void PollSocket::later(std::chrono::milliseconds delay, void (PollSocket::*what)()) {
  loop_.post_after(delay, [weak = weak_from_this(), what] {
    if (const auto self = weak.lock()) ((*self).*what)();
  });
}

short PollSocket::wants() const {
  const bool takes = state_ == State::http || (state_ == State::open && !paused_) || state_ >= State::closing;
  const bool reads = takes && kept_.empty();  // what is kept comes first
  return static_cast<short>((reads ? POLLIN : 0) | (out_.empty() ? 0 : POLLOUT));
}

void PollSocket::ready(short events) {
  if ((events & POLLOUT) != 0) write();
  if (state_ == State::over) return;
  if ((events & POLLIN) != 0) return read();
  if ((events & (POLLHUP | POLLERR)) != 0) end(reason_);
}

void PollSocket::read() {
  char bytes[16 * 1024];
  const ssize_t count = ::recv(socket_, bytes, sizeof bytes, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return end(reason_);
  use({bytes, static_cast<std::size_t>(count)});
}

// Takes one thing after the other. What is not wanted yet is kept, and the socket is not read meanwhile.
void PollSocket::use(std::span<char> input) {
  while (state_ == State::http && !input.empty()) {
    std::string_view rest(input.data(), input.size());
    const auto step = parser_.next(rest);
    input = input.last(rest.size());
    if (step == http::HeadParser::Step::refused) return respond(http::refusal_response(parser_.refusal()));
    if (step == http::HeadParser::Step::complete) open();
  }
  while (!input.empty() && (state_ == State::closing || (state_ == State::open && !paused_))) {
    take_step(protocol_.next(input));
  }
  if (state_ == State::opening || state_ == State::open) kept_.assign(input.data(), input.size());
}

void PollSocket::take_step(Step step) {
  if (step == Step::ping)
    out_ += loop_.local<sluice::FrameBuffer>().encode_control(10, protocol_.control_payload()).wire();
  if (step == Step::message && state_ == State::open) events_->on_message(protocol_.take_message());
  if (step != Step::close && step != Step::failed) return;
  if (state_ == State::open) say_close(protocol_.close_reason(), State::leaving);
  leave();
}

// The client reads our last bytes, and ends its side.
void PollSocket::leave() {
  state_ = State::leaving;
  if (out_.empty()) ::shutdown(socket_, SHUT_WR);
}

void PollSocket::use_kept() {
  std::string kept = std::exchange(kept_, {});
  if (!kept.empty()) use(kept);
}

// --- the handshake

void PollSocket::open() {
  http::Head head = parser_.take_head();
  auto wanted = ws::check_upgrade(head);
  if (const auto* refusal = std::get_if<http::Refusal>(&wanted)) return respond(http::refusal_response(*refusal));
  if (std::holds_alternative<ws::PlainRequest>(wanted)) return respond(http::refusal_response({404, "no page", {}}));
  upgrade_ = std::move(std::get<ws::Upgrade>(wanted));
  head.request.scheme = "ws";
  head.request.client_address = peer_of(socket_);
  head.request.subprotocols = upgrade_.subprotocols;
  ws::drop_handshake_headers(head.request);
  state_ = State::opening;
  events_ = gateway_.open(sluice::Scope(std::move(head.request)), shared_from_this(), loop_);
}

void PollSocket::accept(const sluice::Acceptance& acceptance) {
  if (state_ != State::opening) return;
  const auto compression = ws::agree_on_deflate(upgrade_.extensions, {});
  const auto response = ws::accept_response(upgrade_, acceptance, compression ? compression->response : "");
  if (!response) return respond(http::refusal_response({500, "internal error", {}}));
  out_ += *response;
  state_ = State::open;
  if (compression) {
    auto& shared = loop_.local<Compression>().shared;
    deflater_ = shared.outgoing(compression->parameters);
    protocol_.inflate_with(shared.incoming(compression->parameters));
  }
  later({}, &PollSocket::use_kept);
}

void PollSocket::deny(const sluice::Denial& denial) {
  if (state_ != State::opening) return;
  const auto response = http::denial_response(denial);
  respond(response ? *response : http::refusal_response({500, "internal error", {}}));
}

void PollSocket::respond(const std::string& response) {
  out_ += response;
  state_ = State::leaving;
  later(limits_.close_time, &PollSocket::time_out);
}

// --- an open WebSocket. Nothing here calls the events before it returns.

void PollSocket::send(const sluice::Frame& frame) {
  if (state_ != State::open) return;
  out_ += deflater_ ? deflater_->deflate(frame).wire() : frame.wire();
  if (out_.size() <= gateway_.consumer_limits().queued_bytes) return;
  out_.clear();  // a frame may be partly written, so that no close frame can follow
  reason_ = sluice::CloseReason(sluice::close_code::try_again_later);
  state_ = State::leaving;
  later({}, &PollSocket::time_out);
}

void PollSocket::close(const sluice::CloseReason& reason) {
  if (state_ == State::opening) return deny(sluice::Denial(403));
  if (state_ != State::open) return;
  say_close(reason, State::closing);
  later({}, &PollSocket::use_kept);  // the client's close may be among it
}

void PollSocket::say_close(const sluice::CloseReason& reason, State next) {
  out_ += loop_.local<sluice::FrameBuffer>().encode_control(8, ws::close_payload(reason)).wire();
  reason_ = reason;
  state_ = next;
  later(limits_.close_time, &PollSocket::time_out);
}

void PollSocket::resume_reading() {
  if (std::exchange(paused_, false)) later({}, &PollSocket::use_kept);
}

void PollSocket::tell_when_drained() {
  wants_drained_ = true;
  if (out_.empty()) later({}, &PollSocket::report_drained);
}

void PollSocket::report_drained() {
  if (state_ == State::open && out_.empty() && std::exchange(wants_drained_, false)) events_->on_drained();
}

void PollSocket::write() {
  const ssize_t count = ::send(socket_, out_.data(), out_.size(), MSG_NOSIGNAL);
  if (count < 0 && errno != EAGAIN && errno != EINTR) return end(reason_);
  if (count > 0) out_.erase(0, static_cast<std::size_t>(count));
  if (!out_.empty()) return;
  if (deflater_) loop_.local<Compression>().shared.settle();
  if (state_ == State::leaving) leave();
  report_drained();
}

void PollSocket::stop(const sluice::CloseReason& reason) {
  if (state_ < State::open) return end(reason_);
  if (state_ != State::open) return;
  later(limits_.close_time, &PollSocket::time_out);
  reason_ = reason;
  events_->on_stop(reason);
}

void PollSocket::end(const sluice::CloseReason& reason) {
  if (std::exchange(state_, State::over) == State::over) return;
  const auto kept = shared_from_this();
  loop_.forget(socket_);
  ::shutdown(socket_, SHUT_RDWR);
  if (events_) std::exchange(events_, nullptr)->on_closed(reason);
  gone_();
}
