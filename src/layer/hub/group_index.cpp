// SPDX-License-Identifier: MIT
#include "layer/hub/group_index.hpp"

#include <algorithm>
#include <exception>

#include "core/failure.hpp"

namespace sluice::SLUICE_ABI {

GroupIndex::Places GroupIndex::find(std::string_view group) const {
  Stripe& at = stripe(group);
  std::lock_guard lock(at.mutex);
  Places places;
  const auto found = at.groups.find(group);
  if (found == at.groups.end()) return places;
  places.shards = found->second.shards;
  for (const Entry::Plain& plain : found->second.plain_channels) places.plain_channels.push_back(plain.channel);
  return places;
}

void GroupIndex::add_shard(std::string_view group, unsigned shard) {
  Stripe& at = stripe(group);
  std::lock_guard lock(at.mutex);
  at.groups[std::string(group)].shards |= std::uint64_t{1} << shard;
}

void GroupIndex::remove_shard(std::string_view group, unsigned shard) {
  Stripe& at = stripe(group);
  bool emptied = false;
  {
    std::lock_guard lock(at.mutex);
    const auto found = at.groups.find(group);
    if (found == at.groups.end()) return;
    found->second.shards &= ~(std::uint64_t{1} << shard);
    emptied = erase_if_empty(at, group);
  }
  notify(emptied, group);
}

void GroupIndex::add_plain_channel(std::string_view group, std::shared_ptr<PlainChannel> channel,
                                   const PlainReader& reader) {
  Stripe& at = stripe(group);
  std::lock_guard lock(at.mutex);
  auto& plain_channels = at.groups[std::string(group)].plain_channels;
  const auto found = std::ranges::find(plain_channels, channel, &Entry::Plain::channel);
  if (found == plain_channels.end()) {
    plain_channels.push_back({std::move(channel), {&reader}});
  } else if (std::ranges::find(found->readers, &reader) == found->readers.end()) {
    found->readers.push_back(&reader);
  }
}

void GroupIndex::remove_plain_channel(std::string_view group, const PlainChannel& channel, const PlainReader& reader) {
  Stripe& at = stripe(group);
  bool emptied = false;
  {
    std::lock_guard lock(at.mutex);
    const auto found = at.groups.find(group);
    if (found == at.groups.end()) return;
    std::erase_if(found->second.plain_channels, [&](Entry::Plain& plain) {
      return plain.channel.get() == &channel && std::erase(plain.readers, &reader) > 0 && plain.readers.empty();
    });
    emptied = erase_if_empty(at, group);
  }
  notify(emptied, group);
}

void GroupIndex::remove_all_plain_channels() {
  std::vector<std::string> emptied;
  for (Stripe& at : stripes_) {
    std::lock_guard lock(at.mutex);
    for (auto group = at.groups.begin(); group != at.groups.end();) {
      group->second.plain_channels.clear();
      if (group->second.empty()) {
        emptied.push_back(group->first);
        group = at.groups.erase(group);
      } else {
        ++group;
      }
    }
  }
  for (const std::string& group : emptied) notify(true, group);
}

bool GroupIndex::erase_if_empty(Stripe& at, std::string_view group) {
  const auto found = at.groups.find(group);
  if (!found->second.empty()) return false;
  at.groups.erase(found);
  return true;
}

bool GroupIndex::contains(std::string_view group) const {
  Stripe& at = stripe(group);
  std::lock_guard lock(at.mutex);
  return at.groups.contains(group);
}

namespace {

Task<Result<void>> await_join(Completion<Result<void>> done, Function<void()> undo) {
  auto joined = co_await done;
  if (!joined) undo();
  co_return joined;
}

}  // namespace

// A member that is not the group's first needs no coroutine, and no other thread.
Task<Result<void>> GroupIndex::until_announced(std::string_view group, Function<void()> undo) const {
  if (!has_bus() || announced(group)) return Result<void>();
  return await_join(hooks_.announce(group), std::move(undo));
}

bool GroupIndex::announced(std::string_view group) const {
  Stripe& at = stripe(group);
  std::lock_guard lock(at.mutex);
  const auto found = at.groups.find(group);
  return found != at.groups.end() && found->second.announced;
}

void GroupIndex::announce(std::string_view group) {
  Stripe& at = stripe(group);
  std::lock_guard lock(at.mutex);
  const auto found = at.groups.find(group);
  if (found != at.groups.end()) found->second.announced = true;
}

void GroupIndex::unannounce_all() {
  for (Stripe& at : stripes_) {
    std::lock_guard lock(at.mutex);
    for (auto& [group, entry] : at.groups) entry.announced = false;
  }
}

// A member leaves in any case: a bus that was not notified keeps the group until it is notified again.
void GroupIndex::notify(bool emptied, std::string_view group) const noexcept {
  if (!emptied || !hooks_.emptied) return;
  try {
    hooks_.emptied(group);
  } catch (...) {
    log_failure("channel layer: its bus could not be notified that a group is empty", std::current_exception());
  }
}

std::size_t GroupIndex::group_count() const {
  std::size_t count = 0;
  for (const Stripe& at : stripes_) {
    std::lock_guard lock(at.mutex);
    count += at.groups.size();
  }
  return count;
}

}  // namespace sluice::SLUICE_ABI
