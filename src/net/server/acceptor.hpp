// SPDX-License-Identifier: MIT
// One listening socket, and the destination of its connections.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include <asio/basic_socket_acceptor.hpp>
#include <asio/ip/tcp.hpp>

#include "net/loop/operation_memory.hpp"
#include "net/server/hand_over.hpp"
#include "sluice/core/log_throttle.hpp"
#include "sluice/net/tls_context.hpp"

namespace sluice::SLUICE_ABI::net {

/// How an acceptor serves the connections of its port. A value.
struct ListenerConfig {
  std::optional<TlsContext> tls;  // connections use it
  bool proxy_protocol = false;    // trusted peers begin with a PROXY header
};

/// Accepts connections, and passes them to its HandOver. When accepting fails, for example without descriptors or
/// memory, it pauses instead of spinning, and logs that rarely.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  Acceptor(AsioExecutor& executor, std::shared_ptr<HandOver> hand_over, ListenerConfig config);

  /// Fails with not_found for an address that this machine does not have. Any thread, before start().
  Result<std::uint16_t> listen(const asio::ip::tcp::endpoint& endpoint, const AsioServerOptions& options);
  /// Uses a socket that listens already, and owns it on success. Any thread, before start().
  Result<std::uint16_t> listen_at(int descriptor);
  /// Gives up the ownership of the socket.
  void give_back();
  /// Its executor only, like all that follows.
  void start();
  /// Accepts the connections in the kernel's queue, and stops listening. A socket that was passed in has other owners,
  /// which serve the connections that wait there.
  void finish();
  void close();

 private:
  using TcpAcceptor = asio::basic_socket_acceptor<asio::ip::tcp, asio::io_context::executor_type>;

  enum class Accepted { one, none, again, failed };

  void wait() noexcept;
  void accept_waiting() noexcept;
  Accepted accept_one();
  void pause(const std::error_code& error) noexcept;

  AsioExecutor& executor_;
  const std::shared_ptr<HandOver> hand_over_;
  OperationMemory memory_;
  TcpAcceptor acceptor_;
  const ListenerConfig config_;
  std::int64_t most_waiting_ = 0;  // in the kernel's queue; 0 if the socket was passed in
  LogThrottle failures_{{.lines = 1}};
};

}  // namespace sluice::SLUICE_ABI::net
