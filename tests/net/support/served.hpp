// SPDX-License-Identifier: MIT
// A server on a port of its own, with a gateway that a test controls.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/net/asio_executors.hpp"
#include "sluice/net/asio_server.hpp"
#include "sluice/transport/gateway.hpp"
#include "support/blocking_client.hpp"

namespace sluice::test {

/// A receive buffer that leaves most of what is said in the server's queue.
constexpr int small_buffer = 4096;

/// Lines that executors write and the test waits for.
class Transcript {
 public:
  void add(std::string line);
  /// True as soon as the line is there; false when it does not come in good time.
  bool has(std::string_view line) const;
  std::vector<std::string> lines() const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable added_;
  std::vector<std::string> lines_;
};

class TestGateway;

/// The gateway's end of one connection. Its executor only.
class Door : public ConnectionEvents {
 public:
  Door(TestGateway& gateway, Scope scope, std::shared_ptr<Connection> connection, Executor& executor)
      : gateway(gateway), scope(std::move(scope)), connection(std::move(connection)), executor(executor) {}

  void say(std::string_view text) { connection->send(frames().encode(MessageKind::text, text)); }
  /// Says messages of 1,000 bytes until the queue holds this much.
  void fill(std::size_t queued);
  FrameBuffer& frames() { return executor.local<FrameBuffer>(); }

  void on_message(Message message) override;
  void on_drained() override;
  void on_closed(const CloseReason& reason) override;
  void on_stop(const CloseReason& reason) override;

  TestGateway& gateway;
  Scope scope;
  std::shared_ptr<Connection> connection;  // until closed
  Executor& executor;
};

/// Accepts all and echoes messages, unless configured otherwise. It records "open PATH", "said TEXT", "drained", "stop"
/// and "closed CODE TEXT".
class TestGateway : public Gateway {
 public:
  explicit TestGateway(ConsumerLimits limits = {}) : limits_(limits) {}

  std::function<void(Door&)> when_opened = [](Door& door) { door.connection->accept(Acceptance()); };
  std::function<void(Door&, Message)> when_said = [](Door& door, Message message) {
    door.connection->send(door.frames().encode(message.kind(), message.data()));
  };
  std::function<void(Door&, const CloseReason&)> when_stopped = [](Door& door, const CloseReason& reason) {
    door.connection->close(reason);
  };
  Transcript heard;

  std::shared_ptr<ConnectionEvents> open(Scope scope, std::shared_ptr<Connection> connection,
                                         Executor& executor) override;
  const ConsumerLimits& consumer_limits() const noexcept override { return limits_; }
  /// Runs it on the executor of the open connection with this path, and returns when it has run.
  void with(const std::string& path, std::function<void(Door&)> what);
  /// The open connection with this path, or null.
  std::shared_ptr<Door> find(const std::string& path);

 private:
  friend class Door;

  const ConsumerLimits limits_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<Door>> doors_;
};

/// Runs it on the executor and returns when it has run.
void run_on(Executor& executor, std::function<void()> what);

/// Executors, gateway and server. The server is told to stop when the test ends.
class Served {
 public:
  explicit Served(AsioServerOptions options = {}, std::size_t threads = 1) : Served(options, {}, threads) {}
  Served(AsioServerOptions options, ConsumerLimits consumer_limits, std::size_t threads = 1)
      : gateway(consumer_limits), executors(threads), server(executors, gateway, options) {
    port = server.listen("127.0.0.1", 0).value();
  }
  BlockingClient connect(int receive_buffer = 0) const { return BlockingClient(port, receive_buffer); }
  /// A port where the same server speaks TLS.
  std::uint16_t listen(const TlsContext& tls) { return server.listen("127.0.0.1", 0, tls).value(); }
  /// A client that has opened a WebSocket.
  BlockingClient enter(std::string_view path = "/", int receive_buffer = 0) const;
  /// Waits until the server's numbers satisfy it; false when they do not in good time.
  bool comes_to(const std::function<bool(const ServerStats&)>& state) const;

  TestGateway gateway;
  AsioExecutors executors;
  AsioServer server;
  std::uint16_t port = 0;
};

}  // namespace sluice::test
