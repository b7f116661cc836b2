// SPDX-License-Identifier: MIT
// A client in a test: it connects to an application without a network, sends messages, and receives the answers
// (Channels: WebsocketCommunicator).
#pragma once

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/consumer/host.hpp"
#include "sluice/json/document.hpp"
#include "sluice/json/fields.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "sluice/testing/recording_connection.hpp"

namespace sluice::SLUICE_ABI::testing {

/// The expected message or end did not arrive; what() has what arrived instead. A value.
class NotHeard : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The request that a Communicator sends. A value.
struct ClientRequest {
  std::string target = "/";  // path and query, as in a request line: "/ws/core/?jwt_token=x"
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::vector<std::string> subprotocols = {};
  std::string client_address = "127.0.0.1:40000";
};

/// How a handshake was answered. A value.
struct Opened {
  bool accepted = false;
  std::string subprotocol = {};  // chosen by the server
  int http_status = 101;         // 403 and the like when it was refused
  std::string body = {};         // of the refusing response
  std::vector<std::pair<std::string, std::string>> headers = {};

  explicit operator bool() const noexcept { return accepted; }
};

/// One client of an application:
///
///     ManualExecutor executor;
///     InMemoryChannelLayer layer(executor);
///     Communicator browser(executor, consumer<Chat>(), layer, {"/ws/chat/"});
///     REQUIRE(browser.connect());
///     browser.say("hello");
///     CHECK(browser.hear() == "hello to you");
///     CHECK(browser.hear_nothing());
///     browser.disconnect();
///
/// Each call runs the executor until no job is due, so when say() returns the consumer has handled the message, unless
/// it waits for something. Receiving cancels nothing, and the clock does not move until the test calls
/// executor.advance(). The destructor breaks an open connection. One thread at a time, outside the executor's jobs.
class SLUICE_API Communicator {
 public:
  /// A client of a shared gateway, which outlives the Communicator.
  Communicator(ManualExecutor& executor, Gateway& gateway, ClientRequest request);
  /// A client with a Host of its own for this application, without and with a channel layer.
  Communicator(ManualExecutor& executor, std::shared_ptr<Application> application, ClientRequest request,
               HostOptions options = {});
  Communicator(ManualExecutor& executor, std::shared_ptr<Application> application, ChannelLayer& layer,
               ClientRequest request, HostOptions options = {});
  ~Communicator();

  /// Sends the handshake and runs; true when it was answered. For consumers that answer later: call connect() for the
  /// answer.
  bool knock();
  /// Sends the handshake, if knock() did not, and returns the answer. Throws NotHeard when there is none.
  Opened connect();

  void say(std::string_view text);
  void say_binary(std::string_view bytes);
  /// Sends any value that json::encode takes, including json::Text.
  template <class T>
  void say_json(const T& content) {
    say(json::encode(content).view());
  }

  /// The next message's text. Throws NotHeard when the next event is no text message, or when there is none; it waits
  /// up to `patience` for jobs of other threads.
  std::string hear();
  std::string hear_binary();
  /// The next message, parsed. Throws NotHeard when it is not JSON.
  json::Document hear_json();
  /// The close reason of the server. Throws NotHeard when a message comes first, or nothing.
  CloseReason hear_close();
  /// True when every due job has run and no message arrived; it does not wait for other threads. False leaves the
  /// message for hear().
  bool hear_nothing();
  /// All messages that arrived and were not taken, as lines of a transcript; empty when there are none.
  std::string hear_all();

  /// Closes the connection from this side, as `new WebSocket(...).close(code)` does.
  void disconnect(CloseReason reason = {});
  /// The server stops, and closes this connection with the reason unless its consumer has another.
  void stop_server(CloseReason reason = close_code::service_restart);
  /// Breaks the connection: the server gets 1006.
  void vanish();
  /// True if the server has released everything that belonged to this connection.
  bool finished();

  /// The real time for which hear() and similar calls wait for other threads.
  void set_patience(std::chrono::milliseconds patience) noexcept { patience_ = patience; }
  /// The server's side of the connection, to stall it or to inspect it.
  RecordingConnection& connection() noexcept { return *connection_; }
  /// The Host of a Communicator that was made for an application. Throws std::logic_error for one that was not.
  Host& host() const;

 private:
  std::string expect_message(std::string_view verb, MessageKind kind);
  template <class Fits>
  Heard expect(std::string_view verb, Fits fits);
  std::string what_came() const;

  ManualExecutor& executor_;
  std::unique_ptr<Host> own_host_;
  Gateway& gateway_;
  ClientRequest request_;
  std::shared_ptr<RecordingConnection> connection_;
  std::chrono::milliseconds patience_{1000};
  bool knocked_ = false;
};

}  // namespace sluice::SLUICE_ABI::testing
