// SPDX-License-Identifier: MIT
// The pages of one connection, in the order of their subscription, and the groups that they need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "sluice/page/page_type.hpp"

namespace sluice::SLUICE_ABI {

/// A page that a connection has, or requests. A value.
struct Subscription {
  std::shared_ptr<PageType> type;
  PageParameters parameters;
  std::string group;
  std::string permission_group;  // empty: none
};

/// Each page once, by its type and canonical parameters. Different pages may share a group (the rows of a table its
/// permissions, a view's tokens the view), so a group is left with the last page that needs it. No call visits more
/// pages than it returns. Its executor only.
class Subscriptions {
 public:
  using Number = std::uint64_t;  // grows with every subscription

  std::size_t size() const noexcept { return pages_.size(); }
  /// The memory of a page with these parameters, with its entries in the tables below and in the layer's.
  static std::size_t memory_of(const PageType& type, const PageParameters& parameters) noexcept;
  /// The memory of all pages.
  std::size_t memory() const noexcept { return memory_; }
  std::optional<Number> find(const PageType& type, const PageParameters& parameters) const;
  /// Adds a page that is not here yet.
  void add(Subscription page);
  const Subscription& at(Number number) const { return pages_.at(number); }
  Subscription take(Number number);

  /// True if a page needs this group, as its own or for its permissions.
  bool need(const std::string& group) const { return needed_by_.contains(group); }
  /// The pages that need this group, oldest first.
  std::vector<Number> needing(const std::string& group) const;
  /// All pages, oldest first.
  std::vector<Number> all() const;

 private:
  void forget(const std::string& group, Number number);

  Number next_ = 0;
  std::size_t memory_ = 0;
  std::map<Number, Subscription> pages_;
  std::unordered_map<std::string, Number> by_identity_;
  std::unordered_map<std::string, std::set<Number>> needed_by_;
};

}  // namespace sluice::SLUICE_ABI
