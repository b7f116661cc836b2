// SPDX-License-Identifier: MIT
#include "layer/hub/hub.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <mutex>
#include <stdexcept>

#include "json/quoted.hpp"
#include "layer/names.hpp"
#include "sluice/core/completion.hpp"

namespace sluice::SLUICE_ABI {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;

// Collects one part from each executor, and completes with the whole once the last is there.
template <class T>
struct Gathering {
  std::mutex mutex;
  std::size_t missing;
  T whole{};
  Completion<T> done;

  // A part that could not be added fails the whole.
  void arrive(auto&& add_part) noexcept {
    try {
      {
        std::lock_guard lock(mutex);
        add_part(whole);
        if (--missing > 0) return;
      }
      done.resolve(std::move(whole));
    } catch (...) {
      fail(std::current_exception());
    }
  }
  void fail(std::exception_ptr error) noexcept {
    try {
      done.fail(std::move(error));
    } catch (...) {  // no memory for the job that reports: the last executor that releases this reports
    }
  }
};

}  // namespace

Hub::Hub(ExecutorGroup& executors, ChannelLayerOptions options, std::string channel_prefix, GroupHooks hooks)
    : options_(std::move(options)),
      channel_prefix_(std::move(channel_prefix)),
      reports_(std::make_shared<LayerReports>(options_)),
      index_(std::make_shared<GroupIndex>(std::move(hooks))) {
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
  if (options_.message_bytes == 0) throw std::invalid_argument("channel layer: with message_bytes 0 nothing is sent");
  if (options_.waiting_events == 0) {
    throw std::invalid_argument("channel layer: with waiting_events 0 nothing is delivered");
  }
  for (std::size_t i = 0; i < executors.size(); ++i) {
    shards_.push_back(std::make_shared<HubShard>(executors.at(i), static_cast<unsigned>(i), channel_prefix_, index_,
                                                 reports_, options_));
  }
  plain_channels_ = std::make_shared<PlainChannels>(executors.at(0), options_, *index_, reports_);
}

Result<Channel> Hub::open_channel(Subscriber& subscriber) {
  for (const auto& shard : shards_) {
    if (&shard->executor() != &subscriber.executor()) continue;
    const std::uint64_t number = shard->take_number();
    try {
      const std::size_t capacity =
          options_.channel_capacity.empty() ? options_.capacity : capacity_of(options_, shard->channel_name(number));
      return Channel(std::make_unique<HubMember>(*shard, subscriber, number, capacity));
    } catch (...) {
      shard->give_back_number(number);
      throw;
    }
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

void Hub::watch_channels(ChannelWatch watch) {
  const auto shared = std::make_shared<const ChannelWatch>(std::move(watch));
  for (const auto& shard : shards_) {
    shard->executor().post([shard, shared] { shard->watch_channels(shared); });
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
  stats.dropped_no_room = no_room_.load(relaxed);
  stats.groups = index_->group_count();
  stats.plain_channels = plain_channels_->count();
  for (const auto& shard : shards_) {
    stats.deliveries += shard->counters().deliveries.load(relaxed);
    stats.dropped_no_channel += shard->counters().no_channel.load(relaxed);
    stats.channels += shard->counters().channels.load(relaxed);
    stats.failed_deliveries += shard->counters().failed.load(relaxed);
    stats.waiting_events += shard->room().events();
    stats.waiting_bytes += shard->room().bytes();
  }
  return stats;
}

}  // namespace sluice::SLUICE_ABI
