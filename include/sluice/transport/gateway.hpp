// SPDX-License-Identifier: MIT
// Where a transport brings what it hears: new connections, and plain HTTP requests. A backend of your own needs one
// class (Connection) and these calls.
#pragma once

#include <memory>

#include "sluice/core/executor.hpp"
#include "sluice/core/task.hpp"
#include "sluice/core/use_count.hpp"
#include "sluice/transport/connection.hpp"
#include "sluice/transport/http.hpp"
#include "sluice/transport/limits.hpp"
#include "sluice/transport/scope.hpp"

namespace sluice {

/// Takes new connections, each on the executor that it will live on; one object serves all executors at once. Any
/// thread.
class Gateway {
 public:
  virtual ~Gateway() = default;
  /// A handshake has arrived. Nothing is called on the connection before this returns; the answer, accept or deny,
  /// comes later. The transport keeps the returned object until it has called on_closed, the gateway keeps the
  /// connection.
  virtual std::shared_ptr<ConnectionEvents> open(Scope scope, std::shared_ptr<Connection> connection,
                                                 Executor& executor) = 0;
  /// The executor runs no more, and a server that used it ends: what is left there of connections that are gone is
  /// destroyed in this call. The default does nothing.
  virtual void executor_ended(Executor& executor) noexcept { (void)executor; }
  /// What its consumers may take. A server reads it when it is made: how much may wait for a client, and how long a
  /// handler may outlive its connection. A gateway that stands in front of another returns that one's. The default has
  /// the defaults.
  virtual const ConsumerLimits& consumer_limits() const noexcept { return default_consumer_limits; }
  /// For servers, which must be destroyed before their gateway.
  const UseCount& use_count() const noexcept { return use_count_; }

 private:
  UseCount use_count_{"the gateway (a Host, say)"};
};

/// Answers plain HTTP requests: health, metrics, a page, a small JSON API. Called on an executor, and one object serves
/// all of them at once; the request lives until the task has finished. An exception is answered with 500 and logged.
/// Any thread.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  virtual Task<HttpResponse> handle(const HttpRequest& request) = 0;
  /// For servers, which must be destroyed before their handler.
  const UseCount& use_count() const noexcept { return use_count_; }

 private:
  UseCount use_count_{"the HTTP handler"};
};

}  // namespace sluice
