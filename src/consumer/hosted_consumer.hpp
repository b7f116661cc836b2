// SPDX-License-Identifier: MIT
// A session's consumer, with its scope, and the memory that it keeps between messages.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "consumer/held_bytes.hpp"
#include "sluice/consumer/application.hpp"
#include "sluice/consumer/consumer.hpp"
#include "sluice/layer/audience.hpp"
#include "sluice/transport/scope.hpp"

namespace sluice::SLUICE_ABI {

/// The consumer exists from make() to release(). Its executor only.
class HostedConsumer {
 public:
  explicit HostedConsumer(Scope scope) noexcept : scope_(std::move(scope)) {}

  Scope& scope() noexcept { return scope_; }
  const Scope& scope() const noexcept { return scope_; }
  Consumer* get() const noexcept { return consumer_.get(); }
  Consumer* operator->() const noexcept { return consumer_.get(); }
  Consumer& operator*() const noexcept { return *consumer_; }

  void make(const ConsumerFactory& factory, Session& session);
  Identity identity() const noexcept;

  std::size_t kept_bytes() const noexcept { return consumer_ ? consumer_->kept_bytes() : 0; }
  /// False before make() and after stop_counting_kept().
  bool counts_kept() const noexcept;
  /// Counts kept_bytes() again, up to 4 GiB. True: it increased.
  bool count_kept(HeldBytes& held) noexcept;
  /// The consumer's memory is not counted from now on.
  void stop_counting_kept(HeldBytes& held) noexcept;

  void release() noexcept { consumer_.reset(); }

 private:
  // They are destroyed in the opposite order.
  Scope scope_;
  std::unique_ptr<Consumer> consumer_;
};

}  // namespace sluice::SLUICE_ABI
