// SPDX-License-Identifier: MIT
#include "nats/open_connections.hpp"

#include <chrono>
#include <cstdlib>

namespace sluice::SLUICE_ABI::nats {

OpenConnections& OpenConnections::instance() {
  static auto* const all = new OpenConnections;  // outlives the threads of cnats
  return *all;
}

// OpenSSL registers its clean-up when the first settings are made, and so before this: it runs behind it.
OpenConnections::OpenConnections() {
  (void)std::atexit([] { instance().wait_for_closing(); });
}

// A program that closes its layer and ends at once gives the threads time to leave TLS before OpenSSL cleans up.
void OpenConnections::wait_for_closing() {
  std::unique_lock lock(mutex_);
  one_ended_.wait_for(lock, std::chrono::seconds(1), [this] { return closing_ == 0; });
}

void* OpenConnections::add(const std::shared_ptr<NatsConnection>& connection) {
  std::lock_guard lock(mutex_);
  void* const id = reinterpret_cast<void*>(++last_);
  connections_.emplace(id, connection);
  return id;
}

std::shared_ptr<NatsConnection> OpenConnections::find(void* id) const {
  std::lock_guard lock(mutex_);
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.lock();
}

void OpenConnections::is_closing() noexcept {
  std::lock_guard lock(mutex_);
  ++closing_;
}

void OpenConnections::remove(void* id) noexcept {
  std::lock_guard lock(mutex_);
  connections_.erase(id);
  --closing_;
  one_ended_.notify_all();
}

}  // namespace sluice::SLUICE_ABI::nats
