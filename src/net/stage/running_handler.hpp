// SPDX-License-Identifier: MIT
// One request that the application handles.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "sluice/core/task.hpp"
#include "sluice/transport/gateway.hpp"
#include "sluice/transport/http.hpp"

namespace sluice::SLUICE_ABI::net {

class AsioConnection;
class ServerShard;

/// Runs the HttpHandler, and calls HttpStage::on_handler_finished() if it finishes later. When the client disconnects
/// meanwhile, the handler may finish within ConsumerLimits::disconnect_grace. A part of HttpStage. Its executor only.
class RunningHandler {
 public:
  explicit RunningHandler(AsioConnection& connection) noexcept : connection_(connection) {}

  /// True: it has finished.
  bool begin(HttpHandler& handler, HttpRequest request);
  /// The response of a handler that has finished; 500 for one that threw.
  HttpResponse take();
  /// It has finished, and there was no memory for the job that reports it.
  bool response_waits() const noexcept { return response_waits_; }

  /// The client has disconnected: keeps the connection for the handler, if one runs.
  void keep_for_grace();
  /// Whether keep_for_grace() still keeps it.
  bool kept() const noexcept { return !kept_.expired(); }
  /// Destroys a running handler.
  void drop() noexcept;

 private:
  ServerShard& shard() const noexcept;
  static void finished(void* handler) noexcept;
  void finished_for_nobody() noexcept;
  void report(std::string_view thrown);

  AsioConnection& connection_;
  std::optional<HttpRequest> request_;
  std::optional<Task<HttpResponse>> task_;  // which refers to the request
  std::weak_ptr<std::shared_ptr<AsioConnection>> kept_;
  bool response_waits_ = false;
};

}  // namespace sluice::SLUICE_ABI::net
