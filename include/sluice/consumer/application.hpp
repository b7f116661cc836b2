// SPDX-License-Identifier: MIT
// From a scope to a consumer: one kind of consumer, a router of several, or either of them behind a middleware.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sluice/consumer/consumer.hpp"
#include "sluice/consumer/middleware.hpp"

namespace sluice {

/// Makes the consumer of one connection.
using ConsumerFactory = std::function<std::unique_ptr<Consumer>(const Scope&)>;

/// What serves connections: consumer<C>(), a Router, or with(middleware, application). Immutable once serving.
class Application {
 public:
  /// Where a connection goes, and what looks at it on the way, outermost first.
  struct Destination {
    const ConsumerFactory* factory = nullptr;  // null: no route
    std::vector<Middleware*> middlewares;
  };

  virtual ~Application() = default;
  /// Finds the destination, and puts what was captured on the way into the scope. False: no route, and both arguments
  /// are as they were.
  virtual bool resolve(Scope& scope, Destination& destination) const = 0;
  /// Does it look at what is left of the path? Then a route that leads here need only fit a beginning (behaviour
  /// SC-11).
  virtual bool routes_by_path() const noexcept { return false; }
  /// The routes that lead to it, as they were written, behind what leads to this application: for a log line.
  virtual std::vector<std::string> routes(const std::string& before) const { return {before}; }
};

/// The factory as an application.
std::shared_ptr<Application> application(ConsumerFactory factory);

/// An application whose connections each get a new C, made from these arguments (Channels: C.as_asgi(...)).
template <class C, class... Args>
std::shared_ptr<Application> consumer(Args... arguments) {
  return application([... arguments = std::move(arguments)](const Scope&) -> std::unique_ptr<Consumer> {
    return std::make_unique<C>(arguments...);
  });
}

/// The application behind a middleware.
std::shared_ptr<Application> with(std::shared_ptr<Middleware> middleware, std::shared_ptr<Application> application);

}  // namespace sluice
