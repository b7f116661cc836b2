// SPDX-License-Identifier: MIT
#include "testing/transport_probe.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <future>
#include <stdexcept>
#include <system_error>

namespace sluice::SLUICE_ABI::testing {
namespace {

constexpr auto patience = std::chrono::seconds(10);

std::string code_and_text(const CloseReason& reason) { return std::to_string(reason.code()); }

std::string joined(const std::vector<std::string>& lines, std::string_view start) {
  std::string all;
  for (const std::string& line : lines) {
    if (line.starts_with(start)) all += (all.empty() ? "" : ", ") + line;
  }
  return all;
}

}  // namespace

// --- the gateway's side

void ProbeEvents::call(const std::function<void(Connection&)>& what) {
  inside_call_ = true;
  what(*connection_);
  inside_call_ = false;
}

void ProbeEvents::arrives(std::string line) {
  if (inside_call_) gateway_.add("FAULT " + line + " inside a call of the connection");
  if (!executor_.runs_here()) gateway_.add("FAULT " + line + " outside the executor");
  if (closed_) gateway_.add("FAULT " + line + " behind on_closed");
  gateway_.add(std::move(line));
}

void ProbeEvents::on_message(Message message) {
  const bool is_text = message.kind() == MessageKind::text;
  const std::size_t size = message.data().size();
  arrives((is_text ? "text " : "binary ") + (size < 100 ? std::string(message.data()) : std::to_string(size)));
  gateway_.when_received(*this, message);
}

void ProbeEvents::on_drained() { arrives("drained"); }

void ProbeEvents::on_stop(const CloseReason& reason) {
  arrives("stop " + code_and_text(reason));
  gateway_.when_stopped(*this, reason);
}

void ProbeEvents::on_closed(const CloseReason& reason) {
  arrives("closed " + code_and_text(reason));
  closed_ = true;
}

std::shared_ptr<ConnectionEvents> ProbeGateway::open(Scope scope, std::shared_ptr<Connection> connection,
                                                     Executor& executor) {
  const std::string path(scope.path());
  if (!executor.runs_here()) add("FAULT open " + path + " outside the executor");
  auto events = std::make_shared<ProbeEvents>(*this, std::move(scope), std::move(connection), executor);
  {
    std::lock_guard lock(mutex_);
    open_[path] = events;
  }
  add("open " + path);
  // A gateway answers later, never from inside open().
  executor.post([this, weak = std::weak_ptr(events)] {
    if (const auto alive = weak.lock()) when_opened(*alive);
  });
  return events;
}

void ProbeGateway::with(const std::string& path, const std::function<void(ProbeEvents&)>& what) {
  std::shared_ptr<ProbeEvents> events;
  {
    std::lock_guard lock(mutex_);
    events = open_[path].lock();
  }
  if (!events) throw std::runtime_error("no connection has the path " + path);
  std::promise<void> done;
  events->executor().post([&] {
    what(*events);
    events.reset();
    done.set_value();
  });
  done.get_future().wait();
}

bool ProbeGateway::has(std::string_view line, std::size_t times) {
  std::unique_lock lock(mutex_);
  return added_.wait_for(lock, patience,
                         [&] { return static_cast<std::size_t>(std::ranges::count(lines_, line)) >= times; });
}

std::string ProbeGateway::lines() {
  std::lock_guard lock(mutex_);
  return joined(lines_, "");
}

std::string ProbeGateway::faults() {
  std::lock_guard lock(mutex_);
  return joined(lines_, "FAULT");
}

void ProbeGateway::add(std::string line) {
  std::lock_guard lock(mutex_);
  lines_.push_back(std::move(line));
  added_.notify_all();
}

// --- the client

ProbeClient::ProbeClient(std::uint16_t port, int receive_buffer) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  const int on = 1;
  const timeval time{patience.count(), 0};
  if (receive_buffer > 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    const int error = errno;
    leave();
    throw std::system_error(error, std::generic_category(), "connect to the transport");
  }
}

std::string ProbeClient::upgrade_request(std::string_view target, std::string_view more_headers) {
  return "GET " + std::string(target) +
         " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
         std::string(more_headers) + "\r\n";
}

std::string ProbeClient::frame(std::uint8_t first_byte, std::string_view payload) {
  constexpr std::string_view mask = "\x12\x34\x56\x78";
  std::string bytes;
  append_frame_header(bytes, first_byte, payload.size());
  bytes[1] = static_cast<char>(bytes[1] | '\x80');
  bytes += mask;
  for (std::size_t i = 0; i < payload.size(); ++i) bytes += static_cast<char>(payload[i] ^ mask[i % mask.size()]);
  return bytes;
}

std::string ProbeClient::close(std::uint16_t code, std::string_view reason) {
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  return frame(0x88, payload += reason);
}

void ProbeClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // the check sees it by what comes, or does not
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void ProbeClient::send_bytewise(std::string_view bytes) {
  for (const char byte : bytes) send({&byte, 1});
}

std::string ProbeClient::open(std::string_view target, std::string_view more_headers) {
  send(upgrade_request(target, more_headers));
  return read_head();
}

std::string ProbeClient::read_head() {
  for (;;) {
    if (const std::size_t end = ahead_.find("\r\n\r\n"); end != ahead_.npos) return take(end + 4);
    if (!read_more()) return take(ahead_.size());
  }
}

std::string ProbeClient::receive() {
  const auto need = [this](std::size_t bytes) {
    while (ahead_.size() < bytes && read_more()) continue;
    return ahead_.size() >= bytes;
  };
  if (!need(2)) return timed_out_ ? "nothing" : "end";
  const auto byte = [this](std::size_t at) { return static_cast<std::uint8_t>(ahead_[at]); };
  const std::uint8_t first = byte(0);
  std::size_t size = byte(1), header = 2;
  if (size >= 126) {
    header = size == 126 ? 4 : 10;
    if (!need(header)) return "half a frame";
    size = 0;
    for (std::size_t i = 2; i < header; ++i) size = size << 8U | byte(i);
  }
  if (!need(header + size)) return "half a frame";
  take(header);
  const std::string payload = take(size);
  if (first == 0x81) return "text " + payload;
  if (first == 0x82) return "binary " + payload;
  if (first == 0x8a) return "pong " + payload;
  if (first != 0x88) return "a frame that begins with " + std::to_string(first);
  if (payload.size() < 2) return "close";
  const int code = static_cast<std::uint8_t>(payload[0]) << 8 | static_cast<std::uint8_t>(payload[1]);
  return "close " + std::to_string(code) + (payload.size() > 2 ? " " + payload.substr(2) : "");
}

bool ProbeClient::read_to_end() {
  while (read_more()) ahead_.clear();
  return !timed_out_;
}

void ProbeClient::leave() noexcept {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

bool ProbeClient::read_more() {
  char bytes[16 * 1024];
  const ssize_t count = ::recv(socket_, bytes, sizeof bytes, 0);
  timed_out_ = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  if (count > 0) ahead_.append(bytes, static_cast<std::size_t>(count));
  return count > 0;
}

std::string ProbeClient::take(std::size_t bytes) {
  std::string taken = ahead_.substr(0, bytes);
  ahead_.erase(0, bytes);
  return taken;
}

}  // namespace sluice::SLUICE_ABI::testing
