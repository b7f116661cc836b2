// SPDX-License-Identifier: MIT
// The two ends that a transport stands between in its checks: a gateway, and a client.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "sluice/transport/gateway.hpp"

namespace sluice::SLUICE_ABI::testing {

class ProbeGateway;

/// The gateway's side of one connection. It notes each call that a transport must not make. Its executor only.
class ProbeEvents final : public ConnectionEvents {
 public:
  ProbeEvents(ProbeGateway& gateway, Scope scope, std::shared_ptr<Connection> connection, Executor& executor)
      : gateway_(gateway), scope_(std::move(scope)), connection_(std::move(connection)), executor_(executor) {}

  /// Calls the connection: events that come before it returns are a fault.
  void call(const std::function<void(Connection&)>& what);
  void accept() {
    call([](Connection& connection) { connection.accept({}); });
  }
  void say(std::string_view text) {
    call([&](Connection& connection) { connection.send(frames().encode(MessageKind::text, text)); });
  }
  FrameBuffer& frames() { return executor_.local<FrameBuffer>(); }
  const Scope& scope() const noexcept { return scope_; }
  Executor& executor() noexcept { return executor_; }

  void on_message(Message message) override;
  void on_drained() override;
  void on_stop(const CloseReason& reason) override;
  void on_closed(const CloseReason& reason) override;

 private:
  void arrives(std::string line);

  ProbeGateway& gateway_;
  const Scope scope_;
  const std::shared_ptr<Connection> connection_;
  Executor& executor_;
  bool inside_call_ = false;
  bool closed_ = false;
};

/// Accepts, and echoes messages, unless a check sets another way. It writes down "open /path", "text ..", "binary
/// ..", "drained", "stop 1001", "closed 1000", and "FAULT .." for each broken rule. Any thread; its functions are set
/// before the transport starts.
class ProbeGateway final : public Gateway {
 public:
  std::function<void(ProbeEvents&)> when_opened = [](ProbeEvents& events) { events.accept(); };
  std::function<void(ProbeEvents&, const Message&)> when_received = [](ProbeEvents& events, const Message& message) {
    events.call(
        [&](Connection& connection) { connection.send(events.frames().encode(message.kind(), message.data())); });
  };
  std::function<void(ProbeEvents&, const CloseReason&)> when_stopped = [](ProbeEvents& events,
                                                                          const CloseReason& reason) {
    events.call([&](Connection& connection) { connection.close(reason); });
  };
  ConsumerLimits limits = {};

  std::shared_ptr<ConnectionEvents> open(Scope scope, std::shared_ptr<Connection> connection,
                                         Executor& executor) override;
  const ConsumerLimits& consumer_limits() const noexcept override { return limits; }

  /// Runs it on the executor of the connection with this path, which must be open, and returns when it has run.
  void with(const std::string& path, const std::function<void(ProbeEvents&)>& what);
  /// Waits until the line has come so often; false: it did not come in time.
  bool has(std::string_view line, std::size_t times = 1);
  /// All lines, joined by ", ".
  std::string lines();
  /// The lines of broken rules, joined by ", ".
  std::string faults();
  void add(std::string line);

 private:
  std::mutex mutex_;
  std::condition_variable added_;
  std::vector<std::string> lines_;
  std::map<std::string, std::weak_ptr<ProbeEvents>> open_;
};

/// A blocking client, which sends exactly the bytes that a check gives it. One thread at a time.
class ProbeClient {
 public:
  explicit ProbeClient(std::uint16_t port, int receive_buffer = 0);
  ProbeClient(const ProbeClient&) = delete;
  ~ProbeClient() { leave(); }

  static std::string upgrade_request(std::string_view target, std::string_view more_headers = {});
  /// A frame as a client sends it, masked.
  static std::string frame(std::uint8_t first_byte, std::string_view payload);
  static std::string text(std::string_view payload) { return frame(0x81, payload); }
  static std::string close(std::uint16_t code, std::string_view reason = {});

  void send(std::string_view bytes);
  void send_bytewise(std::string_view bytes);
  /// Sends a request to open a WebSocket, and returns the head of the answer.
  std::string open(std::string_view target, std::string_view more_headers = {});
  /// "text ..", "binary ..", "pong ..", "close 1000 ..", or "end".
  std::string receive();
  std::string read_head();
  /// Reads until the connection ends. False: it did not end in time.
  bool read_to_end();
  /// Closes the socket.
  void leave() noexcept;

 private:
  bool read_more();
  std::string take(std::size_t bytes);

  int socket_;
  bool timed_out_ = false;
  std::string ahead_;
};

}  // namespace sluice::SLUICE_ABI::testing
