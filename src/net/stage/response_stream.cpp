// SPDX-License-Identifier: MIT
#include "net/stage/response_stream.hpp"

#include <fmt/format.h>

#include <utility>

#include "net/loop/insist.hpp"
#include "net/stage/asio_connection.hpp"
#include "net/stage/http_stage.hpp"
#include "net/stage/thrown_by.hpp"
#include "sluice/core/log_throttle.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

// Pieces may be small, or empty: after so many of them the other connections have their turn.
constexpr int most_pieces_at_once = 1000;

}  // namespace

ResponseStream::ResponseStream(AsioConnection& connection, std::shared_ptr<HttpBody> body, http::BodyFraming framing,
                               std::string path)
    : connection_(connection), body_(std::move(body)), framing_(framing), path_(std::move(path)) {
  connection_.socket().reset_when_closed(!framing_.shows_missing_end());
}

ServerShard& ResponseStream::shard() const noexcept { return connection_.shard(); }

bool ResponseStream::speaks_http() const noexcept { return connection_.phase() == AsioConnection::Phase::http; }

void ResponseStream::drop() noexcept {
  task_.reset();
  body_.reset();
}

void ResponseStream::ask() {
  const BufferedSocket& socket = connection_.socket();
  for (int pieces = 0; pieces < most_pieces_at_once; ++pieces) {
    if (socket.waits_for_room() || socket.waiting_bytes() >= shard().most_gathered()) break;
    if (!begin_next() || !take_piece()) return;
  }
  if (socket.empty() && !socket.waits_for_room()) return ask_soon();  // the last bytes may wait within TLS
  connection_.http()->on_progress();                                  // the client has time to take some of it
}

// In a turn of its own, so that a client that is as fast as the body does not keep this thread.
void ResponseStream::ask_soon() {
  if (asks_soon_) return;
  shard().executor().post([this, connection = connection_.self()] {
    asks_soon_ = false;
    connection->guarded([&] {
      if (body_ && !waits_for_body() && speaks_http()) ask();
    });
  });
  asks_soon_ = true;
}

void ResponseStream::on_drained() {
  if (body_ && !waits_for_body()) ask_soon();
}

// False: the piece comes later, or never.
bool ResponseStream::begin_next() {
  bool finished = false;
  const std::string thrown = thrown_by([&] {
    task_.emplace(body_->next());
    finished = task_->start({&ResponseStream::piece_finished, this});
  });
  if (!thrown.empty()) {
    fail(thrown);
  } else if (!finished && speaks_http()) {
    const bool alone = connection_.http()->half_closed();
    shard().deadlines().enter(connection_, alone ? ShardDeadlines::Kind::handshake : ShardDeadlines::Kind::piece);
    connection_.reader().look_again(connection_);
  }
  return finished;
}

// The body's coroutine calls this and is still on the stack. When the connection is over, the end of the turn destroys
// the coroutine.
void ResponseStream::piece_finished(void* stream) noexcept {
  auto& self = *static_cast<ResponseStream*>(stream);
  if (!self.speaks_http()) return;
  try {
    // The job holds the connection, which owns this stream.
    self.shard().executor().post(
        [&self, connection = self.connection_.self()] { connection->guarded([&] { self.resume(); }); });
  } catch (...) {  // no memory for the job: on_deadline() resumes
    self.piece_waits_ = true;
    insist([&] { self.shard().deadlines().enter(self.connection_, ShardDeadlines::Kind::throttled); });
  }
}

// The connection may have ended in this turn, before this job.
void ResponseStream::resume() {
  if (task_ && speaks_http() && take_piece()) ask();
}

// False: the body has ended, or has failed.
bool ResponseStream::take_piece() {
  std::optional<std::string> piece;
  const std::string thrown = thrown_by([&] { piece = task_->take(); });
  task_.reset();
  if (!thrown.empty()) return fail(thrown), false;
  if (!piece) return finish(), false;
  const auto frame = framing_.next(piece->size());
  if (!frame) return fail(frame.error().context()), false;
  BufferedSocket& socket = connection_.socket();
  for (const std::string_view bytes : {frame->before, std::string_view(*piece), frame->after}) socket.push_bytes(bytes);
  connection_.write_soon();
  return true;
}

void ResponseStream::finish() {
  const auto last = framing_.end();
  if (!last) return fail(last.error().context());
  drop();
  complete_ = true;
  connection_.socket().reset_when_closed(false);
  connection_.socket().push_bytes(*last);
  connection_.write_soon();  // even if nothing is queued: the stage waits for on_drained()
  connection_.http()->on_body_end();
}

// What is queued still reaches the client, if the framing shows it then that the body is not whole. Where only the end
// of the connection ends the body, the connection is reset instead, and what is queued is dropped.
void ResponseStream::fail(std::string_view why) {
  drop();
  shard().failures().write(LogLevel::error, "http body",
                           [&] { return fmt::format("http {}: the response is cut short: {}", path_, why); });
  framing_.shows_missing_end() ? connection_.leave(true) : connection_.end();
}

void ResponseStream::on_deadline() {
  if (std::exchange(piece_waits_, false)) return resume();
  if (connection_.http()->half_closed()) return connection_.lost();
  fail("the body's next piece took too long");
}

}  // namespace sluice::SLUICE_ABI::net
