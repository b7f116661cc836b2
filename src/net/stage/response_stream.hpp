// SPDX-License-Identifier: MIT
// A response whose body is sent in pieces.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/core/task.hpp"
#include "sluice/http/body_framing.hpp"
#include "sluice/transport/http.hpp"

namespace sluice::SLUICE_ABI::net {

class AsioConnection;
class ServerShard;

/// Requests the next piece when the socket's queue is empty, until ServerShard::most_gathered() bytes are queued: the
/// queue holds no more than that and one piece. Its HttpStage owns it and calls it with events; it calls
/// HttpStage::on_body_end() once. Its executor only.
class ResponseStream {
 public:
  /// The head of the response is queued. `path` is named in the log.
  ResponseStream(AsioConnection& connection, std::shared_ptr<HttpBody> body, http::BodyFraming framing,
                 std::string path);
  ResponseStream(const ResponseStream&) = delete;
  ~ResponseStream() { drop(); }

  void begin() { ask(); }
  /// All that was queued is written.
  void on_drained();
  /// The deadline that this stream has set has passed.
  void on_deadline();
  /// HttpBody::next() has not finished. Else the stream waits for the client.
  bool waits_for_body() const noexcept { return task_.has_value(); }
  /// All is queued, the last chunk included.
  bool complete() const noexcept { return complete_; }
  /// Destroys the body.
  void drop() noexcept;

 private:
  ServerShard& shard() const noexcept;
  bool speaks_http() const noexcept;
  void ask();
  void ask_soon();
  bool begin_next();
  bool take_piece();
  static void piece_finished(void* stream) noexcept;
  void resume();
  void finish();
  void fail(std::string_view why);

  AsioConnection& connection_;
  std::shared_ptr<HttpBody> body_;                        // null once the stream has ended
  std::optional<Task<std::optional<std::string>>> task_;  // a call of next(), which refers to the body
  http::BodyFraming framing_;
  std::string path_;
  bool piece_waits_ = false;  // next() has finished, and no job could be posted to take its piece
  bool asks_soon_ = false;    // a job of ask_soon() is posted
  bool complete_ = false;
};

}  // namespace sluice::SLUICE_ABI::net
