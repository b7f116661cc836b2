// SPDX-License-Identifier: MIT
#include "sluice/net/asio_dialer.hpp"

#include <utility>

#include "net/socket/client_socket.hpp"

namespace sluice::SLUICE_ABI {
namespace {

class AsioStream final : public ByteStream {
 public:
  explicit AsioStream(std::shared_ptr<net::ClientSocket> socket) : socket_(std::move(socket)) { socket_->open(); }
  ~AsioStream() override { socket_->leave(); }

  void write(std::string bytes) override { socket_->write(std::move(bytes)); }
  std::size_t unwritten() const noexcept override { return socket_->unwritten(); }
  void pause_reading() override { socket_->pause_reading(); }
  void resume_reading() override { socket_->resume_reading(); }

 private:
  std::shared_ptr<net::ClientSocket> socket_;
};

}  // namespace

std::unique_ptr<ByteStream> AsioDialer::dial(const Endpoint& to, Executor& executor, StreamEvents& events) {
  std::size_t place = 0;
  for (std::size_t i = 0; i < executors_.size(); ++i) {
    if (&executors_.at(i) == &executor) place = i;
  }
  auto& io = static_cast<net::AsioExecutor&>(executors_.at(place));
  return std::make_unique<AsioStream>(std::make_shared<net::ClientSocket>(to, io, executor, events));
}

}  // namespace sluice::SLUICE_ABI
