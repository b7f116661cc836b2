// SPDX-License-Identifier: MIT
// Middlewares run between the handshake and the consumer: they fill the scope, or refuse.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "sluice/abi.hpp"
#include "sluice/core/task.hpp"
#include "sluice/transport/connection.hpp"
#include "sluice/transport/scope.hpp"

namespace sluice::SLUICE_ABI {

/// A middleware's answer. A value.
class Verdict {
 public:
  static Verdict pass() { return Verdict(); }
  /// Answers the handshake with this instead of a consumer.
  static Verdict refuse(Denial denial) { return Verdict(std::move(denial)); }

  bool passed() const noexcept { return !denial_; }
  const Denial& denial() const noexcept { return *denial_; }

 private:
  Verdict() = default;
  explicit Verdict(Denial denial) : denial_(std::move(denial)) {}
  std::optional<Denial> denial_;
};

/// Put into a scope by a middleware: one of the client's offers, to accept its handshake with. A browser closes the
/// connection when it offered subprotocols and the response names none. A value.
struct ChosenSubprotocol {
  std::string name;
};

/// Called for every connection of its application, before there is a consumer (Channels: BaseMiddleware). One object
/// serves all connections of all executors at once: keep no state of one connection in it. An exception is logged and
/// answered with 500. Any thread.
class SLUICE_API Middleware {
 public:
  virtual ~Middleware() = default;
  /// The scope is valid until the task has finished.
  virtual Task<Verdict> handle(Scope& scope) = 0;
};

}  // namespace sluice::SLUICE_ABI
