// SPDX-License-Identifier: MIT
// A client in a test: it connects to an application without a network, says something, and hears what comes back
// (Channels: WebsocketCommunicator).
#pragma once

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/consumer/host.hpp"
#include "sluice/json/document.hpp"
#include "sluice/json/fields.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "sluice/testing/recording_connection.hpp"

namespace sluice::testing {

/// The expected thing did not come; what() tells what came instead. A value.
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
  std::string subprotocol = {};  // that the server chose
  int http_status = 101;         // 403 and the like when it was refused
  std::string body = {};         // of the refusal
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
/// Each verb runs the executor until nothing is due, so when say() returns the consumer has dealt with the message,
/// unless it waits for something. Nothing is ever cancelled by listening, and the clock stands still until the test
/// moves it with executor.advance(). The destructor breaks the connection if it stands. One thread at a time, outside
/// the executor's jobs.
class Communicator {
 public:
  /// A client of a gateway that others share; it outlives the Communicator.
  Communicator(ManualExecutor& executor, Gateway& gateway, ClientRequest request);
  /// A client with a Host of its own for this application, without and with a channel layer.
  Communicator(ManualExecutor& executor, std::shared_ptr<Application> application, ClientRequest request,
               HostOptions options = {});
  Communicator(ManualExecutor& executor, std::shared_ptr<Application> application, ChannelLayer& layer,
               ClientRequest request, HostOptions options = {});
  ~Communicator();

  /// Sends the handshake and runs; true when it was answered. For consumers that take their time: call connect() for
  /// the answer later.
  bool knock();
  /// Sends the handshake, if knock() did not, and gives the answer. Throws NotHeard when there is none.
  Opened connect();

  void say(std::string_view text);
  void say_binary(std::string_view bytes);
  /// Says any value that json::encode takes, json::Text among them.
  template <class T>
  void say_json(const T& content) {
    say(json::encode(content).view());
  }

  /// The next message's text. Throws NotHeard when the next thing is no text message, or when nothing comes; it waits
  /// up to `patience` for jobs that other threads post.
  std::string hear();
  std::string hear_binary();
  /// The next message, parsed. Throws NotHeard when it is not JSON.
  json::Document hear_json();
  /// The end, as the server told it. Throws NotHeard when a message comes first, or nothing.
  CloseReason hear_close();
  /// True when everything due has run and nothing was said; it does not wait for other threads. False leaves what was
  /// said to be heard.
  bool hear_nothing();
  /// All that came and was not taken, as lines of a transcript; empty when nothing did.
  std::string hear_all();

  /// Closes the connection from this side, as `new WebSocket(...).close(code)` does.
  void disconnect(CloseReason reason = {});
  /// The server stops, and closes this connection with the reason unless its consumer has another.
  void stop_server(CloseReason reason = close_code::service_restart);
  /// The network is gone: the server sees 1006.
  void vanish();
  /// Has the server let go of everything that belonged to this connection?
  bool finished();

  /// How long hear() and its kind wait, in real time, for what other threads do.
  void set_patience(std::chrono::milliseconds patience) noexcept { patience_ = patience; }
  /// The server's side of the connection, to be slow with or to look at.
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

}  // namespace sluice::testing
