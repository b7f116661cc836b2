// SPDX-License-Identifier: MIT
// The page types by name, and counters of the requests for them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/core/log_throttle.hpp"
#include "sluice/core/result.hpp"
#include "sluice/observe/metric.hpp"
#include "sluice/page/page_type.hpp"

namespace sluice::SLUICE_ABI {

/// The requests of clients to a registry's page types since it was made. A value.
struct SLUICE_API PageStats {
  std::uint64_t added = 0;    // answered with page_add
  std::uint64_t refused = 0;  // a known page, but not for this client, or not with these parameters
  std::uint64_t failed =
      0;  // of refused and evicted ones: can_add() or group_name() threw, or returned an invalid name
  std::uint64_t unknown_type = 0;      // no such page type
  std::uint64_t ignored = 0;           // frames that were no request
  std::uint64_t evicted = 0;           // pages that were revoked
  std::uint64_t rechecked = 0;         // pages for which can_add() was called again
  std::uint64_t waiting_rechecks = 0;  // clients that wait for a recheck now

  static constexpr std::string_view metric_prefix = "sluice_pages";
  /// The metrics of these numbers. Any thread.
  static std::span<const observe::Metric<PageStats>> metrics() noexcept;
};

/// The page types of an application, by name. main() makes one, fills it, and passes it to every CoreConsumer:
///
///     auto pages = std::make_shared<sluice::PageRegistry>();
///     if (auto added = pages->add(std::make_shared<TablePage>(database)); !added) return fail(added.error());
///     routes->path("ws/core/", sluice::consumer<sluice::CoreConsumer>(pages));
///
/// add and remove: one thread at a time. Everything else: any thread, at the same time.
class SLUICE_API PageRegistry {
 public:
  /// Errors: already_exists for a name that is taken, invalid_argument for null.
  Result<void> add(std::shared_ptr<PageType> page);
  /// Removes a page type. It exists as long as connections hold pages of it. Errors: unknown_page_type.
  Result<void> remove(std::string_view type);
  Result<void> remove(const PageType& page) { return remove(std::string_view(page.type())); }

  /// The page type, or null.
  std::shared_ptr<PageType> find(std::string_view type) const;
  /// The page type, or an unknown_page_type error that lists the registered ones.
  Result<std::shared_ptr<PageType>> get(std::string_view type) const;
  /// The names, in alphabetical order.
  std::vector<std::string> types() const;

  PageStats stats() const noexcept;
  /// Counts one event of a kind in the statistics.
  enum class Counter : std::uint8_t { added, refused, failed, unknown_type, ignored, evicted, rechecked };
  void count(Counter counter) noexcept;
  /// Counts a client that waits for its turn, until it is destroyed.
  class WaitingRecheck {
   public:
    explicit WaitingRecheck(PageRegistry& registry) noexcept : waiting_(registry.waiting_rechecks_) { ++waiting_; }
    WaitingRecheck(const WaitingRecheck&) = delete;
    WaitingRecheck& operator=(const WaitingRecheck&) = delete;
    ~WaitingRecheck() { --waiting_; }

   private:
    std::atomic<std::uint64_t>& waiting_;
  };
  /// Counts a failure, and logs it: ten lines in ten seconds at most, since clients can cause them at will.
  void report(const PageType& page, std::string_view failure);
  /// Logs a line under the same bound, and counts nothing.
  void report(std::string_view what);

 private:
  std::uint64_t counted(Counter counter) const noexcept;

  mutable std::shared_mutex mutex_;
  std::map<std::string, std::shared_ptr<PageType>, std::less<>> types_;
  std::array<std::atomic<std::uint64_t>, 7> counters_{};
  std::atomic<std::uint64_t> waiting_rechecks_{0};
  LogThrottle failures_{{.lines = 10}};
};

}  // namespace sluice::SLUICE_ABI
