// SPDX-License-Identifier: MIT
// Wraps the user's dialer for the lifetime of the layer. Work that ends after the layer does not use it.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "sluice/transport/byte_stream.hpp"

namespace sluice::SLUICE_ABI::redis {

/// Any thread.
class BorrowedDialer final : public Dialer {
 public:
  explicit BorrowedDialer(Dialer& dialer) : dialer_(&dialer) {}

  std::unique_ptr<ByteStream> dial(const Endpoint& to, Executor& executor, StreamEvents& events) override {
    const std::lock_guard lock(mutex_);
    return dialer_ ? dialer_->dial(to, executor, events) : std::make_unique<NoStream>();
  }
  /// After this returns the user's dialer is not used any more: streams that are dialled never open.
  void give_back() {
    const std::lock_guard lock(mutex_);
    dialer_ = nullptr;
  }

 private:
  struct NoStream final : ByteStream {
    void write(std::string) override {}
    std::size_t unwritten() const noexcept override { return 0; }
  };

  std::mutex mutex_;
  Dialer* dialer_;
};

}  // namespace sluice::SLUICE_ABI::redis
