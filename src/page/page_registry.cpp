// SPDX-License-Identifier: MIT
#include "sluice/page/page_registry.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <mutex>
#include <utility>

#include "sluice/core/log.hpp"

namespace sluice::SLUICE_ABI {
Result<void> PageRegistry::add(std::shared_ptr<PageType> page) {
  if (!page) return Error(ErrorCode::invalid_argument, "page registry: add of a null page type");
  {
    std::lock_guard lock(mutex_);
    if (!types_.emplace(page->type(), page).second) {
      return Error(ErrorCode::already_exists, fmt::format("page type \"{}\": registered already", page->type()));
    }
  }
  page->after_register();
  return {};
}

Result<void> PageRegistry::remove(std::string_view type) {
  auto page = get(type);
  if (!page) return page.error();
  (*page)->before_unregister();
  std::lock_guard lock(mutex_);
  types_.erase((*page)->type());
  return {};
}

std::shared_ptr<PageType> PageRegistry::find(std::string_view type) const {
  std::shared_lock lock(mutex_);
  const auto found = types_.find(type);
  return found == types_.end() ? nullptr : found->second;
}

Result<std::shared_ptr<PageType>> PageRegistry::get(std::string_view type) const {
  if (auto page = find(type)) return page;
  return Error(ErrorCode::unknown_page_type,
               fmt::format("no page type \"{}\"; registered are: {}", type, fmt::join(types(), ", ")));
}

std::vector<std::string> PageRegistry::types() const {
  std::shared_lock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, page] : types_) names.push_back(name);
  return names;
}

PageStats PageRegistry::stats() const noexcept {
  return {.added = counted(Counter::added),
          .refused = counted(Counter::refused),
          .failed = counted(Counter::failed),
          .unknown_type = counted(Counter::unknown_type),
          .ignored = counted(Counter::ignored),
          .evicted = counted(Counter::evicted),
          .rechecked = counted(Counter::rechecked),
          .waiting_rechecks = waiting_rechecks_.load(std::memory_order_relaxed)};
}

void PageRegistry::count(Counter counter) noexcept {
  counters_[static_cast<std::size_t>(counter)].fetch_add(1, std::memory_order_relaxed);
}

void PageRegistry::report(const PageType& page, std::string_view failure) {
  count(Counter::failed);
  report(fmt::format("page \"{}\": {}", page.type(), failure));
}

void PageRegistry::report(std::string_view what) {
  const auto suppressed = failures_.event();
  if (!suppressed) return;
  const std::string before =
      *suppressed > 0 ? fmt::format(" ({} more before, of any page)", *suppressed) : std::string();
  log(LogLevel::warning, fmt::format("{}{}", what, before));
}

std::uint64_t PageRegistry::counted(Counter counter) const noexcept {
  return counters_[static_cast<std::size_t>(counter)].load(std::memory_order_relaxed);
}

}  // namespace sluice::SLUICE_ABI
