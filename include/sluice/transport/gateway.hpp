// SPDX-License-Identifier: MIT
// The receiver of a transport's new connections and plain HTTP requests. A transport of your own needs one class
// (Connection) and these calls.
#pragma once

#include <memory>

#include "sluice/abi.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/core/task.hpp"
#include "sluice/core/use_count.hpp"
#include "sluice/transport/connection.hpp"
#include "sluice/transport/http.hpp"
#include "sluice/transport/limits.hpp"
#include "sluice/transport/scope.hpp"

namespace sluice::SLUICE_ABI {

/// Accepts new connections, each on its own executor; one object serves all executors at once. Any thread.
class SLUICE_API Gateway {
 public:
  virtual ~Gateway() = default;
  /// A handshake has arrived. It does not call the connection before it returns; accept() or deny() come later. The
  /// transport keeps the returned object until after on_closed(), the gateway keeps the connection.
  virtual std::shared_ptr<ConnectionEvents> open(Scope scope, std::shared_ptr<Connection> connection,
                                                 Executor& executor) = 0;
  /// The executor has stopped, and a server that used it ends: destroy what is left there of closed connections. The
  /// default does nothing.
  virtual void executor_ended(Executor& executor) noexcept { (void)executor; }
  /// The limits of its consumers. A server reads them when it is made: how much may wait for a client, and how long a
  /// handler may outlive its connection. A gateway in front of another one returns the limits of that. The default
  /// returns the defaults.
  virtual const ConsumerLimits& consumer_limits() const noexcept { return default_consumer_limits; }
  /// For servers, which must be destroyed before their gateway.
  const UseCount& use_count() const noexcept { return use_count_; }

 private:
  UseCount use_count_{"the gateway (a Host, say)"};
};

/// Answers plain HTTP requests: health, metrics, a page, a small JSON API. Called on an executor, and one object serves
/// all executors at once. The request exists until the task has finished. An exception is answered with 500 and logged.
/// Any thread.
class SLUICE_API HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  virtual Task<HttpResponse> handle(const HttpRequest& request) = 0;
  /// For servers, which must be destroyed before their handler.
  const UseCount& use_count() const noexcept { return use_count_; }

 private:
  UseCount use_count_{"the HTTP handler"};
};

}  // namespace sluice::SLUICE_ABI
