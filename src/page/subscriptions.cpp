// SPDX-License-Identifier: MIT
#include "page/subscriptions.hpp"

#include <utility>

namespace sluice::SLUICE_ABI {
namespace {

// The memory of one page beside its parameters, as measured: nodes of the three maps, two groups' names, the
// memberships.
constexpr std::size_t overhead = 1'000;

// JSON has no raw newline, so the last one ends the type.
std::string identity(const PageType& type, const PageParameters& parameters) {
  return type.type() + '\n' + parameters.canonical();
}

}  // namespace

// The canonical text is kept twice: in the parameters and as a part of the identity.
std::size_t Subscriptions::memory_of(const PageType& type, const PageParameters& parameters) noexcept {
  return overhead + parameters.memory() + parameters.canonical().size() + type.type().size();
}

std::optional<Subscriptions::Number> Subscriptions::find(const PageType& type, const PageParameters& parameters) const {
  const auto found = by_identity_.find(identity(type, parameters));
  return found == by_identity_.end() ? std::nullopt : std::optional(found->second);
}

void Subscriptions::add(Subscription page) {
  const Number number = next_++;
  const std::size_t memory = memory_of(*page.type, page.parameters);
  by_identity_.emplace(identity(*page.type, page.parameters), number);
  needed_by_[page.group].insert(number);
  if (!page.permission_group.empty()) needed_by_[page.permission_group].insert(number);
  pages_.emplace(number, std::move(page));
  memory_ += memory;
}

Subscription Subscriptions::take(Number number) {
  auto node = pages_.extract(number);
  Subscription page = std::move(node.mapped());
  memory_ -= memory_of(*page.type, page.parameters);
  by_identity_.erase(identity(*page.type, page.parameters));
  forget(page.group, number);
  if (!page.permission_group.empty()) forget(page.permission_group, number);
  return page;
}

std::vector<Subscriptions::Number> Subscriptions::needing(const std::string& group) const {
  const auto found = needed_by_.find(group);
  if (found == needed_by_.end()) return {};
  return {found->second.begin(), found->second.end()};
}

std::vector<Subscriptions::Number> Subscriptions::all() const {
  std::vector<Number> numbers;
  for (const auto& [number, page] : pages_) numbers.push_back(number);
  return numbers;
}

void Subscriptions::forget(const std::string& group, Number number) {
  const auto found = needed_by_.find(group);
  if (found == needed_by_.end()) return;
  found->second.erase(number);
  if (found->second.empty()) needed_by_.erase(found);
}

}  // namespace sluice::SLUICE_ABI
