// SPDX-License-Identifier: MIT
#include "redis/core_keys.hpp"

#include <string>
#include <utility>

#include "redis/bus.hpp"

namespace sluice::redis {
namespace {

constexpr std::string_view group_mark = ":group:";
constexpr std::string_view inflight_mark = "$inflight";
constexpr const char* keys_per_scan = "1000";

Task<Result<void>> flush_host(Bus& bus, std::size_t shard) {
  std::string cursor = "0";
  do {
    Command scan_command{"SCAN", cursor, "MATCH", bus.options().prefix + "*", "COUNT", keys_per_scan};
    const auto scanning = bus.ask(shard, std::move(scan_command));
    const auto page = co_await scanning;
    if (!page) co_return page.error();
    if (page->elements.size() != 2) co_return unexpected("flush", *page);
    cursor = page->elements[0].text;
    for (const Reply& key : page->elements[1].elements) {
      if (!is_key_of_core(bus.options().prefix, key.text)) continue;
      Command type_command{"TYPE", key.text};
      const auto asking = bus.ask(shard, std::move(type_command));
      const auto type = co_await asking;
      if (!type) co_return type.error();
      if (type->text != "zset") continue;  // somebody else's, with a name like ours
      Command unlink_command{"UNLINK", key.text};
      const auto unlinking = bus.ask(shard, std::move(unlink_command));
      const auto gone = co_await unlinking;
      if (!gone) co_return gone.error();
    }
  } while (cursor != "0");
  co_return Result<void>();
}

}  // namespace

bool is_key_of_core(std::string_view prefix, std::string_view key) {
  if (!key.starts_with(prefix)) return false;
  key.remove_prefix(prefix.size());
  if (key.starts_with(group_mark)) return is_valid_group_name(key.substr(group_mark.size()));
  if (key.ends_with(inflight_mark)) key.remove_suffix(inflight_mark.size());
  return is_valid_channel_name(key);
}

Task<Result<void>> flush_core(Bus& bus) {
  for (std::size_t shard = 0; shard < bus.hosts(); ++shard) {
    auto flushed = co_await flush_host(bus, shard);
    if (!flushed) co_return flushed;
  }
  co_return Result<void>();
}

}  // namespace sluice::redis
