// SPDX-License-Identifier: MIT
// Limits the connections of a server, in all and from one address (behaviour SC-13).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::net {

/// Counts connections against the two limits, 0 meaning none. It is called when a connection arrives, when the client
/// behind a proxy is known, and when the connection ends; its lock is taken only if there is a limit per address. It
/// outlives its slots. Any thread.
class Admission {
  struct Entry {
    Admission* admission;
    std::size_t connections;
  };
  using PerAddress = std::map<std::string, Entry>;

 public:
  /// The right to one connection, released by its destructor.
  class ConnectionSlot {
   public:
    ConnectionSlot() noexcept = default;
    ConnectionSlot(ConnectionSlot&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
    ConnectionSlot& operator=(ConnectionSlot&& other) noexcept {
      release();
      entry_ = std::exchange(other.entry_, nullptr);
      return *this;
    }
    ~ConnectionSlot() { release(); }
    explicit operator bool() const noexcept { return entry_ != nullptr; }
    /// Counts for this address from now on. False: the address has as many connections as it may, and the slot counts
    /// for no address. An empty slot stays empty.
    bool move_to(const std::string& address);
    void release() noexcept;

   private:
    friend class Admission;
    PerAddress::value_type* entry_ = nullptr;  // null: it is empty
  };

  Admission(std::size_t connections, std::size_t per_address) noexcept
      : connections_(connections), per_address_(per_address) {}

  /// Returns an empty slot if the server is full, or the address has as many connections as it may. An empty address
  /// is not counted.
  ConnectionSlot enter(const std::string& address);
  /// True if the server is full.
  bool full() const noexcept { return connections_ > 0 && present_.load(std::memory_order_relaxed) >= connections_; }
  /// The refusals of enter() and move_to() by each limit.
  std::uint64_t server_full() const noexcept { return server_full_.load(std::memory_order_relaxed); }
  std::uint64_t address_full() const noexcept { return address_full_.load(std::memory_order_relaxed); }

 private:
  PerAddress::value_type* count(const std::string& address);
  void forget(PerAddress::value_type* entry) noexcept;

  const std::size_t connections_;
  const std::size_t per_address_;
  std::atomic<std::size_t> present_{0};
  std::atomic<std::uint64_t> server_full_{0}, address_full_{0};
  std::mutex mutex_;
  PerAddress addresses_;
  PerAddress::value_type no_address_{std::string(), {this, 0}};  // of slots without an address
};

}  // namespace sluice::SLUICE_ABI::net
