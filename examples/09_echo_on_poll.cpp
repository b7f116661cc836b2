// SPDX-License-Identifier: MIT
// An echo server on poll(2) in 100 lines: Sluice's HTTP and WebSocket without its sockets, executors and consumers.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <list>
#include <vector>

#include "sluice/http/response.hpp"
#include "sluice/transport/frame.hpp"
#include "sluice/ws/handshake.hpp"
#include "sluice/ws/server_protocol.hpp"
#include "support/listening.hpp"

using sluice::http::HeadParser, sluice::http::Refusal, sluice::ws::ServerProtocol, sluice::ws::Upgrade;
constexpr sluice::ServerLimits limits{};
volatile sig_atomic_t stopped = 0;
class Client {
 public:
  explicit Client(int socket) : socket_(socket) {}
  Client(const Client&) = delete;
  ~Client() { ::close(socket_); }
  // A client that does not read its echoes is not read either.
  pollfd wants() const {
    const bool reads = out_.size() < limits.message_bytes;
    return {socket_, static_cast<short>((reads ? POLLIN : 0) | (out_.empty() ? 0 : POLLOUT)), 0};
  }
  /// False: the connection has ended.
  bool ready(short events) {
    if ((events & ~POLLOUT) && !read()) return false;
    const ssize_t sent = ::send(socket_, out_.data(), out_.size(), MSG_NOSIGNAL);
    if (sent > 0) out_.erase(0, static_cast<std::size_t>(sent));
    return (sent >= 0 || errno == EAGAIN) && !(ends_ && out_.empty());
  }

 private:
  bool read() {
    char bytes[16 * 1024];
    const ssize_t count = ::recv(socket_, bytes, sizeof bytes, 0);
    if (count <= 0) return count < 0 && errno == EAGAIN;
    std::span<char> input(bytes, static_cast<std::size_t>(count));
    while (!open_ && !ends_ && !input.empty()) {
      std::string_view rest(input.data(), input.size());
      const auto step = parser_.next(rest);
      input = input.last(rest.size());
      if (step == HeadParser::Step::refused) refuse(parser_.refusal());
      if (step == HeadParser::Step::complete) answer(sluice::ws::check_upgrade(parser_.take_head()));
    }
    while (!ends_ && !input.empty()) take(protocol_.next(input));
    return true;
  }
  void answer(const std::variant<sluice::ws::PlainRequest, Upgrade, Refusal>& wanted) {
    if (const auto* refusal = std::get_if<Refusal>(&wanted)) return refuse(*refusal);
    const auto* upgrade = std::get_if<Upgrade>(&wanted);
    if (!upgrade) return refuse({404, "only WebSockets here", {}});
    out_ += sluice::ws::accept_response(*upgrade, {}).value();
    open_ = true;
  }
  void refuse(const Refusal& refusal) {
    out_ += sluice::http::refusal_response(refusal);
    ends_ = true;
  }
  void take(ServerProtocol::Step step) {
    using enum ServerProtocol::Step;
    if (step == ping) out_ += frames_.encode_control(10, protocol_.control_payload()).wire();
    ends_ = step == close || step == failed;  // and this is our half of the close
    if (ends_) out_ += frames_.encode_control(8, sluice::ws::close_payload(protocol_.close_reason())).wire();
    if (step != message) return;
    const sluice::Message received = protocol_.take_message();
    out_ += frames_.encode(received.kind(), received.data()).wire();
  }
  const int socket_;
  bool open_ = false, ends_ = false;
  HeadParser parser_{limits};
  ServerProtocol protocol_{limits};
  sluice::FrameBuffer frames_;
  std::string out_;
};

int main(int argc, char** argv) try {
  Listen listen;
  Options("Sends each message back", listen).parse(argc, argv);
  for (const int signal : {SIGINT, SIGTERM}) ::signal(signal, [](int) { stopped = 1; });
  const int listening = listening_socket(listen);
  std::list<Client> clients;
  while (!stopped) {
    std::vector<pollfd> sockets{{listening, POLLIN, 0}};
    for (const Client& client : clients) sockets.push_back(client.wants());
    if (::poll(sockets.data(), sockets.size(), 1'000) < 1) continue;
    auto client = clients.begin();
    for (auto socket = sockets.begin() + 1; socket != sockets.end(); ++socket) {
      client = socket->revents && !client->ready(socket->revents) ? clients.erase(client) : std::next(client);
    }
    const int accepted = ::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted >= 0) clients.emplace_back(accepted);
  }
} catch (const std::exception& error) {
  return std::fprintf(stderr, "09_echo_on_poll: %s\n", error.what()), 1;
}
