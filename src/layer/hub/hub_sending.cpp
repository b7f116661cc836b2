// SPDX-License-Identifier: MIT
// The sending half of the hub: checks, room, and the ways to executors and plain channels.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "core/whole_number.hpp"
#include "json/quoted.hpp"
#include "layer/hub/hub.hpp"
#include "layer/names.hpp"

namespace sluice::SLUICE_ABI {
namespace {

// Counters do not order other memory.
constexpr auto counting = std::memory_order_relaxed;

}  // namespace

Result<void> Hub::group_send(std::string_view group, Event event) {
  if (auto checked = check_group_send(group, event); !checked) return checked;
  return took(To::group, group, publish(To::group, group, event));
}

Result<void> Hub::send(std::string_view channel, Event event) {
  if (auto checked = check_send(channel, event); !checked) return checked;
  if (channel.find('!') == channel.npos) return send_plain(channel, std::move(event));
  return took(To::channel, channel, publish(To::channel, channel, event));
}

Result<void> Hub::send_plain(std::string_view channel, Event event) {
  if (!reports_->observed()) return plain_channels_->send(channel, std::move(event));
  auto sent = plain_channels_->send(channel, event);
  if (sent) reports_->published(channel, false, event);
  return sent;
}

Task<Result<void>> Hub::group_send_when_room(std::string_view group, Event event) {
  if (auto checked = check_group_send(group, event); !checked) return checked;
  HubShard* const full = publish(To::group, group, event);
  if (!full) return Result<void>();
  return publish_when_room(shared_from_this(), To::group, std::string(group), std::move(event), full);
}

Task<Result<void>> Hub::send_when_room(std::string_view channel, Event event) {
  if (auto checked = check_send(channel, event); !checked) return checked;
  if (channel.find('!') == channel.npos) return send_plain(channel, std::move(event));
  HubShard* const full = publish(To::channel, channel, event);
  if (!full) return Result<void>();
  return publish_when_room(shared_from_this(), To::channel, std::string(channel), std::move(event), full);
}

// `full`: the shard that had no room at the first try.
Task<Result<void>> Hub::publish_when_room(std::shared_ptr<Hub> hub, To to, std::string name, Event event,
                                          HubShard* full) {
  std::optional<Room::Turn> turn;
  while (full) {
    turn.emplace(full->room());
    const WaitingLine::WakeUp woken = turn->queue_up();
    co_await woken;
    if (hub->ended_.load()) {
      hub->taken(to).fetch_sub(1, counting);
      co_return Error(ErrorCode::layer_unavailable,
                      fmt::format("send \"{}\": the channel layer ended while the event waited for room", name));
    }
    full = hub->publish(to, name, event);
  }
  co_return Result<void>();
}

Result<void> Hub::took(To to, std::string_view name, const HubShard* full) {
  if (!full) return {};
  taken(to).fetch_sub(1, counting);
  no_room_.fetch_add(1, counting);
  reports_->dropped(LayerDrop::no_room, name);
  return Error(ErrorCode::no_room,
               fmt::format("{} \"{}\": as much mail waits for executor {} as may (ChannelLayerOptions::waiting_events, "
                           "waiting_bytes); {}_when_room waits until there is room",
                           to == To::group ? "group_send" : "send", name, full->number(),
                           to == To::group ? "group_send" : "send"));
}

Result<void> Hub::check_group_send(std::string_view group, const Event& event) {
  if (auto checked = check_group_name("group_send", group); !checked) {
    invalid_name_.fetch_add(1, counting);
    reports_->dropped(LayerDrop::invalid_name, group);
    return checked;
  }
  if (auto checked = check_size("group_send", group, event); !checked) return checked;
  group_sends_.fetch_add(1, counting);
  return {};
}

Result<void> Hub::check_send(std::string_view channel, const Event& event) {
  if (!is_valid_channel_name(channel)) return bad_channel_name("send", channel);
  if (auto checked = check_size("send", channel, event); !checked) return checked;
  sends_.fetch_add(1, counting);
  return {};
}

// Null: the event is on its way. Otherwise nothing was sent, and the result is a shard without room.
HubShard* Hub::publish(To to, std::string_view name, const Event& event) {
  if (to == To::channel) {
    const auto found = addressee(name);
    if (!found) {
      no_channel_.fetch_add(1, counting);
      reports_->dropped(LayerDrop::no_channel, name);
      return nullptr;
    }
    const std::size_t cost = HubShard::cost_of(event);
    if (!found->shard->room().take(cost)) return found->shard;
    put(*found, event, cost);
    reports_->published(name, false, event);
    return nullptr;
  }
  const GroupIndex::Places places = index_->find(name);
  const std::size_t cost = HubShard::cost_of(event);
  for (std::uint64_t left = places.shards; left != 0; left &= left - 1) {
    HubShard& shard = *shards_[static_cast<std::size_t>(std::countr_zero(left))];
    if (shard.room().take(cost)) continue;
    give_back(places.shards & ~left, cost);
    return &shard;
  }
  put(name, places, event, cost);
  reports_->published(name, true, event);
  return nullptr;
}

// The room is taken already.
void Hub::put(std::string_view group, const GroupIndex::Places& places, const Event& event, std::size_t cost) {
  std::uint64_t left = places.shards;
  try {
    for (const auto& channel : places.plain_channels) plain_channels_->send(channel, event);
    for (; left != 0; left &= left - 1) {
      shards_[static_cast<std::size_t>(std::countr_zero(left))]->publish(group, event, cost);
    }
  } catch (...) {
    give_back(left, cost);
    throw;
  }
}

void Hub::put(const Addressee& to, Event event, std::size_t cost) {
  try {
    to.shard->send(to.number, std::move(event), cost);
  } catch (...) {
    to.shard->room().give_back(1, cost);
    throw;
  }
}

void Hub::give_back(std::uint64_t shards, std::size_t cost) noexcept {
  for (; shards != 0; shards &= shards - 1) {
    shards_[static_cast<std::size_t>(std::countr_zero(shards))]->room().give_back(1, cost);
  }
}

// Ours are "<prefix><shard, 2 hex digits><number, hex>"; any other name belongs to no consumer here.
std::optional<Hub::Addressee> Hub::addressee(std::string_view channel) const noexcept {
  if (!channel.starts_with(channel_prefix_)) return std::nullopt;
  const std::string_view local = channel.substr(channel_prefix_.size());
  const auto shard = whole_number<unsigned>(local.substr(0, 2), 16);
  const auto number = whole_number<std::uint64_t>(local.substr(std::min<std::size_t>(2, local.size())), 16);
  // No channel has the number 0: within a shard it means everyone.
  if (!shard || !number || *number == 0 || *shard >= shards_.size()) return std::nullopt;
  return Addressee{shards_[*shard].get(), *number};
}

bool Hub::has_room() const noexcept {
  return std::ranges::none_of(shards_, [](const auto& shard) { return shard->room().full(); });
}

void Hub::end() noexcept {
  ended_.store(true);
  for (const auto& shard : shards_) shard->room().end();
}

void Hub::deliver_to_group(std::string_view group, const Event& event) {
  const GroupIndex::Places places = index_->find(group);
  const std::size_t cost = HubShard::cost_of(event);
  for (std::uint64_t left = places.shards; left != 0; left &= left - 1) {
    shards_[static_cast<std::size_t>(std::countr_zero(left))]->room().take_anyway(cost);
  }
  put(group, places, event, cost);
}

void Hub::deliver_to_channel(std::string_view channel, Event event) {
  const auto found = addressee(channel);
  if (!found) {
    no_channel_.fetch_add(1, counting);
    reports_->dropped(LayerDrop::no_channel, channel);
    return;
  }
  const std::size_t cost = HubShard::cost_of(event);
  found->shard->room().take_anyway(cost);
  put(*found, std::move(event), cost);
}

void Hub::deliver_to_plain_channel(std::string_view channel, Event event) {
  (void)plain_channels_->send(channel, std::move(event));
}

void Hub::deliver_to_all(const Event& event) {
  const std::size_t cost = HubShard::cost_of(event);
  for (const auto& shard : shards_) {
    shard->room().take_anyway(cost);
    try {
      shard->send_to_all(event, cost);
    } catch (...) {
      shard->room().give_back(1, cost);
      throw;
    }
  }
}

Result<void> Hub::check_size(std::string_view what, std::string_view to, const Event& event) {
  if (event.size() <= options_.message_bytes) return {};
  too_large_.fetch_add(1, counting);
  reports_->dropped(LayerDrop::too_large, to);
  return Error(ErrorCode::limit_exceeded,
               fmt::format("{} \"{}\": the event has {} bytes, the layer takes {} (ChannelLayerOptions::message_bytes)",
                           what, to, event.size(), options_.message_bytes));
}

Error Hub::bad_channel_name(std::string_view what, std::string_view channel) {
  invalid_name_.fetch_add(1, counting);
  reports_->dropped(LayerDrop::invalid_name, channel);
  return Error(
      ErrorCode::invalid_name,
      fmt::format(
          "{} {}: a channel's name is 1 to 99 characters of A-Z a-z 0-9 _ . -, with at most one '!' that is not "
          "the first",
          what, json::in_quotes(channel)));
}

}  // namespace sluice::SLUICE_ABI
