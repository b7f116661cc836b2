// SPDX-License-Identifier: MIT
#include "net/stage/running_handler.hpp"

#include <fmt/format.h>

#include <utility>

#include "net/loop/insist.hpp"
#include "net/stage/asio_connection.hpp"
#include "net/stage/http_stage.hpp"
#include "net/stage/thrown_by.hpp"
#include "sluice/core/log_throttle.hpp"

namespace sluice::SLUICE_ABI::net {

ServerShard& RunningHandler::shard() const noexcept { return connection_.shard(); }

bool RunningHandler::begin(HttpHandler& handler, HttpRequest request) {
  request_.emplace(std::move(request));
  bool has_finished = false;
  const std::string thrown = thrown_by([&] {
    task_.emplace(handler.handle(*request_));
    has_finished = task_->start({&RunningHandler::finished, this});
  });
  if (thrown.empty()) return has_finished;
  report(thrown);
  task_.emplace(HttpResponse(500, "internal error\n"));
  return true;
}

void RunningHandler::finished(void* handler) noexcept {
  auto& self = *static_cast<RunningHandler*>(handler);
  if (self.connection_.phase() == AsioConnection::Phase::over) return self.finished_for_nobody();
  try {
    // The job holds the connection, which owns the stage until the handler has finished.
    self.shard().executor().post([&self, connection = self.connection_.self()] {
      if (connection->phase() == AsioConnection::Phase::over) return self.finished_for_nobody();
      connection->guarded([&] { connection->http()->on_handler_finished(); });
    });
  } catch (...) {  // no memory for the job: HttpStage::on_deadline() takes the response
    self.response_waits_ = true;
    insist([&] { self.shard().deadlines().enter(self.connection_, ShardDeadlines::Kind::throttled); });
  }
}

// The coroutine is still on the stack here, so it is destroyed in a job. If there is no memory for one, it is destroyed
// when the grace ends.
void RunningHandler::finished_for_nobody() noexcept {
  const auto kept = kept_.lock();
  if (!kept || !*kept) return;
  try {
    shard().executor().post([this, kept] {
      if (const auto last = std::exchange(*kept, nullptr)) (void)take();
    });
  } catch (...) {}
}

HttpResponse RunningHandler::take() {
  HttpResponse response(500, "internal error\n");
  const std::string thrown = thrown_by([&] { response = task_->take(); });
  if (!thrown.empty()) report(thrown);
  response_waits_ = false;
  drop();
  return response;
}

void RunningHandler::report(std::string_view thrown) {
  shard().failures().write(LogLevel::error, "http handler", [&] {
    return fmt::format("http {}: the handler threw: {}", request_->scope().quoted_path(), thrown);
  });
}

void RunningHandler::keep_for_grace() {
  if (!task_ || shard().shutdown().torn_down()) return;
  auto kept = std::make_shared<std::shared_ptr<AsioConnection>>(connection_.self());
  kept_ = kept;
  shard().shutdown().keep(kept);
  shard().executor().post_after(shard().consumer_limits().disconnect_grace, [kept] { kept->reset(); });
}

void RunningHandler::drop() noexcept {
  task_.reset();
  request_.reset();
}

}  // namespace sluice::SLUICE_ABI::net
