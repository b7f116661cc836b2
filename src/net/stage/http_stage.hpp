// SPDX-License-Identifier: MIT
// The HTTP part of a connection's life: requests, their answers, and the handshake of a WebSocket.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "net/limits/end_patience.hpp"
#include "net/stage/http_reader.hpp"
#include "net/stage/proxy_intake.hpp"
#include "net/stage/response_stream.hpp"
#include "net/stage/running_handler.hpp"
#include "sluice/transport/connection.hpp"
#include "sluice/transport/http.hpp"
#include "sluice/ws/deflate_negotiation.hpp"

namespace sluice::SLUICE_ABI::net {

class AsioConnection;

/// The first stage of a connection. The driver calls it with bytes and events, and the stage answers through the
/// driver. When the gateway has accepted a handshake, the driver destroys this stage and uses the WebSocketStage. Its
/// executor only.
class HttpStage {
 public:
  /// The connection owns this stage.
  HttpStage(AsioConnection& connection, const AcceptedSocket& accepted);

  // What the driver calls.
  bool wants_bytes() const noexcept { return state_ == State::reading; }
  /// Uses bytes from the front of `input`.
  void on_bytes(std::span<char>& input);
  /// The peer sends no more.
  void on_end();
  /// All that was queued is written.
  void on_drained();
  /// Some of what was queued is written: a long response is given time as long as the client takes it.
  void on_progress();
  void on_deadline();
  /// The connection has failed, and is about to end.
  void on_lost();
  /// The server stops: a request that has begun is still answered, and one that may be on its way is waited for.
  void shutdown();

  /// The first bytes are a PROXY header, to be read by read_proxy_header().
  bool awaits_proxy_header() const noexcept { return proxy_.awaits_header(); }
  /// False: the header is incomplete, or the connection ends.
  bool read_proxy_header();

  /// Nothing is read, but the application may work for a client that has disconnected.
  bool watches_for_loss() const noexcept { return handling() || opening() || waits_for_body(); }
  /// The HttpHandler handles a request.
  bool handling() const noexcept { return state_ == State::handling; }
  void on_handler_finished();
  /// The next piece of a response's body is awaited.
  bool waits_for_body() const noexcept { return state_ == State::streaming && stream_->waits_for_body(); }
  /// The client sends no more, but it may still wait for what the application works on.
  void on_half_closed();
  bool half_closed() const noexcept { return half_closed_; }
  /// A response has been begun whose body is not whole.
  bool is_streaming() const noexcept { return stream_ && !stream_->complete(); }
  /// The body of a response has ended: all of it is queued.
  void on_body_end();
  /// The gateway decides on a handshake.
  bool opening() const noexcept { return state_ == State::opening; }
  /// The call of Gateway::open has not returned.
  bool inside_open() const noexcept { return inside_open_; }
  /// Bytes of a body that has begun.
  std::size_t held_bytes() const noexcept { return reader_.held_bytes(); }

  /// The gateway accepts: queues the response. Returns the agreement on compression, if there is one; fails when the
  /// acceptance cannot be sent, and the handshake is refused.
  Result<std::optional<ws::DeflateParameters>> accept(const Acceptance& acceptance);
  void deny(const Denial& denial);
  /// Answers with an error, and ends the connection.
  void refuse(const http::Refusal& refusal);

  /// Its client has disconnected, and the connection is kept for the handler only.
  bool kept_for_handler() const noexcept { return handler_.kept(); }
  /// Destroys a running handler, and a body.
  void drop_request() noexcept;

 private:
  enum class State : std::uint8_t {
    reading,
    handling,    // the HttpHandler works on a request
    streaming,   // its response is being written, and the body has not ended
    responding,  // its response is being written
    opening,     // the gateway decides on a handshake
  };

  ServerShard& shard() const noexcept;
  bool speaks_http() const noexcept;
  void queue(std::string_view bytes);
  std::shared_ptr<Connection> connection() const noexcept;
  void answer_request();
  void respond(const HttpResponse& response);
  void wait_for_client();
  bool client_takes_response();
  Scope scope_of(const RequestInfo& request) const;
  void open_websocket();
  void decline(std::string_view response, int status);
  void refuse_client(const http::Refusal& refusal);
  void report_missing_header() noexcept;

  AsioConnection& connection_;
  ProxyIntake proxy_;
  HttpReader reader_;
  State state_ = State::reading;
  bool keep_alive_ = false;
  bool head_only_ = false;
  bool inside_open_ = false;
  bool half_closed_ = false;
  Executor::Clock::time_point waits_since_;  // for a request
  RunningHandler handler_;
  std::unique_ptr<ResponseStream> stream_;  // of the last response whose body came in pieces
  std::optional<EndPatience> patience_;     // once the kernel takes no more of a response
};

}  // namespace sluice::SLUICE_ABI::net
