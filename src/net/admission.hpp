// SPDX-License-Identifier: MIT
// How many connections a server takes, in all and from one address (behaviour SC-13).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace sluice::net {

/// Counts connections against the two limits, 0 meaning none. It is asked when a connection comes, when the client
/// behind a proxy is known, and when the connection goes; its lock is taken only where a limit per address is set. It
/// outlives its seats. Any thread.
class Admission {
  using PerAddress = std::map<std::string, std::size_t>;

 public:
  /// A connection's place, free again when it is destroyed.
  class Seat {
   public:
    Seat() noexcept = default;
    Seat(Seat&& other) noexcept : admission_(std::exchange(other.admission_, nullptr)), address_(other.address_) {}
    Seat& operator=(Seat&& other) noexcept {
      release();
      admission_ = std::exchange(other.admission_, nullptr);
      address_ = other.address_;
      return *this;
    }
    ~Seat() { release(); }
    explicit operator bool() const noexcept { return admission_ != nullptr; }
    /// Counts for this address from now on. False: the address has its share, and the seat counts for none. An empty
    /// seat stays empty.
    bool move_to(const std::string& address);
    void release() noexcept;

   private:
    friend class Admission;
    Admission* admission_ = nullptr;
    PerAddress::value_type* address_ = nullptr;
  };

  Admission(std::size_t connections, std::size_t per_address) noexcept
      : connections_(connections), per_address_(per_address) {}

  /// An empty seat: the server is full, or this address has its share. An empty address has no share.
  Seat enter(const std::string& address);
  /// How often the one was the reason, and how often the other.
  std::uint64_t server_full() const noexcept { return server_full_.load(std::memory_order_relaxed); }
  std::uint64_t address_full() const noexcept { return address_full_.load(std::memory_order_relaxed); }

 private:
  PerAddress::value_type* count(const std::string& address);
  void forget(PerAddress::value_type* address) noexcept;
  void leave(PerAddress::value_type* address) noexcept;

  const std::size_t connections_;
  const std::size_t per_address_;
  std::atomic<std::size_t> present_{0};
  std::atomic<std::uint64_t> server_full_{0}, address_full_{0};
  std::mutex mutex_;
  PerAddress addresses_;
};

}  // namespace sluice::net
