// SPDX-License-Identifier: MIT
// One listening socket, and who gets what it accepts.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <asio/basic_socket_acceptor.hpp>
#include <asio/ip/tcp.hpp>

#include "net/shard.hpp"
#include "sluice/net/tls_context.hpp"

namespace sluice::net {

/// How an acceptor meets those who come. A value.
struct Meeting {
  std::optional<TlsContext> tls;  // they speak it
  bool proxy_protocol = false;    // trusted peers begin with a PROXY header
};

/// Accepts on the first shard's executor and hands each connection to the shard with the lightest load. When accepting
/// fails, out of descriptors for instance, it pauses instead of spinning, and says so once.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  Acceptor(const std::vector<std::shared_ptr<Shard>>& shards, Meeting meeting);

  /// Any thread, before start().
  Result<std::uint16_t> listen(const asio::ip::tcp::endpoint& endpoint, const AsioServerOptions& options);
  /// Listens at a socket that does so already. On success it is this acceptor's. Any thread, before start().
  Result<std::uint16_t> listen_at(int descriptor);
  /// Not this acceptor's any more.
  void give_back();
  /// Its executor only, like all that follows.
  void start();
  /// Accepts whom the kernel has let in already, and listens no longer. A socket that was passed to us is somebody
  /// else's too: who waits at it is left to them.
  void finish();
  void close();

 private:
  using TcpAcceptor = asio::basic_socket_acceptor<asio::ip::tcp, asio::io_context::executor_type>;

  enum class Accepted { one, none, failed };

  void wait();
  void accept_waiting();
  Accepted accept_one();
  void pause(const std::error_code& error);
  std::size_t lightest() noexcept;

  std::vector<std::weak_ptr<Shard>> shards_;
  AsioExecutor& executor_;
  TcpAcceptor acceptor_;
  const Meeting meeting_;
  std::size_t last_chosen_ = 0;
  int most_waiting_ = 0;  // in the kernel's queue; none of ours if the socket was passed
  bool failing_ = false;  // and the log knows
};

}  // namespace sluice::net
