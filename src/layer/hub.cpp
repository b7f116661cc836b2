// SPDX-License-Identifier: MIT
#include "layer/hub.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <stdexcept>

#include "core/whole_number.hpp"
#include "json/quoted.hpp"
#include "layer/names.hpp"
#include "sluice/core/completion.hpp"

namespace sluice {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;

// Collects one part from each executor, and completes with the whole once the last is there.
template <class T>
struct Gathering {
  std::mutex mutex;
  std::size_t missing;
  T whole{};
  Completion<T> done;

  void arrive(auto&& add_part) {
    {
      std::lock_guard lock(mutex);
      add_part(whole);
      if (--missing > 0) return;
    }
    done.resolve(std::move(whole));
  }
};

}  // namespace

Hub::Hub(ExecutorGroup& executors, ChannelLayerOptions options, std::string channel_prefix,
         std::function<void(std::string_view group)> emptied)
    : options_(std::move(options)),
      channel_prefix_(std::move(channel_prefix)),
      index_(std::make_shared<GroupIndex>(std::move(emptied))) {
  if (executors.size() == 0 || executors.size() > ExecutorGroup::max_size) {
    throw std::invalid_argument(fmt::format("channel layer: it runs on 1 to {} executors, not on {}",
                                            ExecutorGroup::max_size, executors.size()));
  }
  if (options_.expiry < std::chrono::seconds(1)) {
    throw std::invalid_argument("channel layer: an expiry below one second would drop every event");
  }
  if (options_.expiry > std::chrono::years(100)) {  // the clock's nanoseconds end after 292
    throw std::invalid_argument("channel layer: an expiry above 100 years");
  }
  for (std::size_t i = 0; i < executors.size(); ++i) {
    shards_.push_back(std::make_shared<HubShard>(executors.at(i), static_cast<unsigned>(i), channel_prefix_, index_));
  }
  plain_channels_ = std::make_shared<PlainChannels>(executors.at(0), options_, *index_);
}

Result<Channel> Hub::open_channel(Subscriber& subscriber) {
  for (const auto& shard : shards_) {
    if (&shard->executor() != &subscriber.executor()) continue;
    const std::uint64_t number = shard->take_number();
    const std::size_t capacity =
        options_.channel_capacity.empty() ? options_.capacity : capacity_of(options_, shard->channel_name(number));
    return Channel(std::make_unique<HubMember>(*shard, subscriber, number, capacity));
  }
  return Error(ErrorCode::invalid_argument,
               "open_channel: the subscriber's executor is not one of those that the channel layer was built on");
}

Result<Inbox> Hub::open_inbox(std::string_view channel) {
  if (auto checked = check_inbox(channel); !checked) return checked.error();
  return plain_channels_->open_inbox(channel, shared_from_this());
}

Result<void> Hub::check_inbox(std::string_view channel) {
  if (!is_valid_channel_name(channel)) return bad_channel_name("open_inbox", channel);
  if (channel.find('!') != channel.npos) {
    invalid_name_.fetch_add(1, relaxed);
    return Error(
        ErrorCode::invalid_name,
        fmt::format("open_inbox \"{}\": a name with '!' belongs to one consumer; read a plain channel", channel));
  }
  return {};
}

Result<void> Hub::group_add(std::string_view group, const Channel& channel) {
  if (auto checked = check_group_name("group_add", group); !checked) return checked;
  auto& member = static_cast<HubMember&>(channel.membership());
  member.shard().join(member, group);
  return {};
}

Result<void> Hub::group_add(std::string_view group, const Inbox& inbox) {
  if (auto checked = check_group_name("group_add", group); !checked) return checked;
  static_cast<PlainReader&>(inbox.reader()).join(group);
  return {};
}

Result<void> Hub::group_discard(std::string_view group, const Channel& channel) {
  if (auto checked = check_group_name("group_discard", group); !checked) return checked;
  auto& member = static_cast<HubMember&>(channel.membership());
  member.shard().leave(member, group);
  return {};
}

Result<void> Hub::group_discard(std::string_view group, const Inbox& inbox) {
  if (auto checked = check_group_name("group_discard", group); !checked) return checked;
  static_cast<PlainReader&>(inbox.reader()).leave(group);
  return {};
}

Result<void> Hub::group_send(std::string_view group, Event event) {
  if (auto checked = check_group_send(group, event); !checked) return checked;
  deliver_to_group(group, event);
  return {};
}

Result<void> Hub::send(std::string_view channel, Event event) {
  if (auto checked = check_send(channel, event); !checked) return checked;
  if (channel.find('!') == channel.npos) return plain_channels_->send(channel, std::move(event));
  deliver_to_channel(channel, std::move(event));
  return {};
}

Result<void> Hub::check_group_send(std::string_view group, const Event& event) {
  if (auto checked = check_group_name("group_send", group); !checked) {
    invalid_name_.fetch_add(1, relaxed);
    return checked;
  }
  if (auto checked = check_size("group_send", group, event); !checked) return checked;
  group_sends_.fetch_add(1, relaxed);
  return {};
}

Result<void> Hub::check_send(std::string_view channel, const Event& event) {
  if (!is_valid_channel_name(channel)) return bad_channel_name("send", channel);
  if (auto checked = check_size("send", channel, event); !checked) return checked;
  sends_.fetch_add(1, relaxed);
  return {};
}

void Hub::deliver_to_group(std::string_view group, const Event& event) {
  const GroupIndex::Places places = index_->find(group);
  for (const auto& channel : places.plain_channels) plain_channels_->send(channel, event);
  for (std::uint64_t left = places.shards; left != 0; left &= left - 1) {
    shards_[static_cast<std::size_t>(std::countr_zero(left))]->publish(group, event);
  }
}

void Hub::deliver_to_channel(std::string_view channel, Event event) {
  // Ours are "<prefix><shard, 2 hex digits><number, hex>"; any other name belongs to no consumer here.
  const std::string_view local = channel.starts_with(channel_prefix_) ? channel.substr(channel_prefix_.size()) : "";
  const auto shard = whole_number<unsigned>(local.substr(0, 2), 16);
  const auto number = whole_number<std::uint64_t>(local.substr(std::min<std::size_t>(2, local.size())), 16);
  if (shard && number && *shard < shards_.size()) {
    shards_[*shard]->send(*number, std::move(event));
  } else {
    no_channel_.fetch_add(1, relaxed);
  }
}

void Hub::deliver_to_plain_channel(std::string_view channel, Event event) {
  (void)plain_channels_->send(channel, std::move(event));
}

void Hub::deliver_to_all(const Event& event) {
  for (const auto& shard : shards_) {
    shard->executor().post([shard, event] { shard->deliver_to_all(event); });
  }
}

Task<Result<std::size_t>> Hub::group_size(std::string_view group) {
  if (auto checked = check_group_name("group_size", group); !checked) co_return checked.error();
  const auto gathering = std::make_shared<Gathering<std::size_t>>();
  gathering->missing = shards_.size();
  gathering->whole = index_->find(group).plain_channels.size();
  for (const auto& shard : shards_) {
    shard->executor().post([shard, gathering, name = std::string(group)] {
      const HubGroup* found = shard->find(name);
      gathering->arrive([&](std::size_t& size) { size += found ? found->members.size() : 0; });
    });
  }
  co_return co_await gathering->done;
}

Task<Result<std::vector<std::string>>> Hub::group_channels(std::string_view group) {
  if (auto checked = check_group_name("group_channels", group); !checked) co_return checked.error();
  const auto gathering = std::make_shared<Gathering<std::vector<std::string>>>();
  gathering->missing = shards_.size();
  for (const auto& channel : index_->find(group).plain_channels) gathering->whole.push_back(channel->name());
  for (const auto& shard : shards_) {
    shard->executor().post([shard, gathering, name = std::string(group)] {
      const HubGroup* found = shard->find(name);
      gathering->arrive([&](std::vector<std::string>& names) {
        if (!found) return;
        for (const HubMember* member : found->members) names.push_back(member->name());
      });
    });
  }
  co_return co_await gathering->done;
}

Task<Result<void>> Hub::flush() {
  plain_channels_->flush();
  const auto gathering = std::make_shared<Gathering<std::size_t>>();
  gathering->missing = shards_.size();
  for (const auto& shard : shards_) {
    shard->executor().post([shard, gathering] {
      shard->clear();
      gathering->arrive([](std::size_t& cleared) { ++cleared; });
    });
  }
  co_await gathering->done;
  co_return Result<void>();
}

LayerStats Hub::stats() const {
  LayerStats stats;
  stats.sends = sends_.load(relaxed);
  stats.group_sends = group_sends_.load(relaxed);
  stats.deliveries = plain_channels_->stored();
  stats.dropped_full = plain_channels_->dropped_full();
  stats.dropped_expired = plain_channels_->dropped_expired();
  stats.dropped_no_channel = no_channel_.load(relaxed);
  stats.dropped_too_large = too_large_.load(relaxed);
  stats.dropped_invalid_name = invalid_name_.load(relaxed);
  stats.groups = index_->group_count();
  stats.plain_channels = plain_channels_->count();
  for (const auto& shard : shards_) {
    stats.deliveries += shard->counters().deliveries.load(relaxed);
    stats.dropped_no_channel += shard->counters().no_channel.load(relaxed);
    stats.channels += shard->counters().channels.load(relaxed);
  }
  return stats;
}

Result<void> Hub::check_size(std::string_view what, std::string_view to, const Event& event) {
  if (event.size() <= options_.message_bytes) return {};
  too_large_.fetch_add(1, relaxed);
  return Error(ErrorCode::limit_exceeded,
               fmt::format("{} \"{}\": the event has {} bytes, the layer takes {} (ChannelLayerOptions::message_bytes)",
                           what, to, event.size(), options_.message_bytes));
}

Error Hub::bad_channel_name(std::string_view what, std::string_view channel) {
  invalid_name_.fetch_add(1, relaxed);
  return Error(
      ErrorCode::invalid_name,
      fmt::format(
          "{} {}: a channel's name is 1 to 99 characters of A-Z a-z 0-9 _ . -, with at most one '!' that is not "
          "the first",
          what, json::in_quotes(channel)));
}

}  // namespace sluice
