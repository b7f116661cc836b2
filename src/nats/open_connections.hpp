// SPDX-License-Identifier: MIT
// The connections of this process by number. cnats may call back after a connection was destroyed: what it is given is
// a number, never an address.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::nats {

class NatsConnection;

/// From any thread.
class OpenConnections {
 public:
  static OpenConnections& instance();

  /// The connection's number.
  void* add(const std::shared_ptr<NatsConnection>& connection);
  std::shared_ptr<NatsConnection> find(void* id) const;
  /// Its thread will end: at the end of the program, closing threads are waited for.
  void is_closing() noexcept;
  /// Its thread ends, after is_closing().
  void remove(void* id) noexcept;

 private:
  OpenConnections();
  void wait_for_closing();

  mutable std::mutex mutex_;
  std::unordered_map<void*, std::weak_ptr<NatsConnection>> connections_;
  std::uintptr_t last_ = 0;
  std::size_t closing_ = 0;
  std::condition_variable one_ended_;
};

}  // namespace sluice::SLUICE_ABI::nats
