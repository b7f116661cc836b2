// SPDX-License-Identifier: MIT
// Handles of a layer in front of others: theirs, with an origin of its own.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/layer/channel.hpp"

namespace sluice::SLUICE_ABI::testing {

class ForwardingMembership final : public Channel::Membership {
 public:
  ForwardingMembership(Channel behind, const void* origin) : behind_(std::move(behind)), origin_(origin) {}
  std::string name() const override { return behind_.name(); }
  std::size_t capacity() const noexcept override { return behind_.capacity(); }
  std::size_t group_count() const noexcept override { return behind_.group_count(); }
  bool in_group(std::string_view group) const noexcept override { return behind_.in_group(group); }
  void leave_groups() override { behind_.leave_groups(); }
  Task<Result<void>> join(std::string_view group) override { return behind_.end().join(group); }
  Task<Result<void>> leave(std::string_view group) override { return behind_.end().leave(group); }
  const void* origin() const noexcept override { return origin_; }

 private:
  Channel behind_;
  const void* const origin_;
};

class ForwardingReader final : public Inbox::Reader {
 public:
  ForwardingReader(Inbox behind, const void* origin) : behind_(std::move(behind)), origin_(origin) {}
  std::string_view name() const noexcept override { return behind_.name(); }
  Task<Result<Event>> receive() override { return behind_.receive(); }
  std::optional<Event> poll() override { return behind_.poll(); }
  Task<Result<void>> join(std::string_view group) override { return behind_.end().join(group); }
  Task<Result<void>> leave(std::string_view group) override { return behind_.end().leave(group); }
  const void* origin() const noexcept override { return origin_; }

 private:
  Inbox behind_;
  const void* const origin_;
};

}  // namespace sluice::SLUICE_ABI::testing
