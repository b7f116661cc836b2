// SPDX-License-Identifier: MIT
#include "redis/core/core_keys.hpp"

#include <set>
#include <utility>

#include "redis/bus/names.hpp"
#include "redis/bus/redis_context.hpp"

namespace sluice::SLUICE_ABI::redis {
namespace {

constexpr std::string_view inflight_mark = "$inflight";
constexpr const char* keys_per_scan = "1000";

// A page of the keys of one host that begin like ours, and where the next page begins; "0": nowhere.
struct KeyPage {
  std::vector<std::string> keys;
  std::string next;
};

Task<Result<KeyPage>> scan(RedisContext& redis, std::size_t host, std::string cursor) {
  Command command{"SCAN", cursor, "MATCH", redis.options().prefix + "*", "COUNT", keys_per_scan};
  const auto scanning = redis.ask(host, std::move(command));
  const auto reply = co_await scanning;
  if (!reply) co_return reply.error();
  if (reply->elements.size() != 2) co_return unexpected("SCAN", *reply);
  KeyPage page;
  page.next = reply->elements[0].text;
  for (const Reply& key : reply->elements[1].elements) page.keys.push_back(key.text);
  co_return page;
}

Task<Result<void>> remove_set(RedisContext& redis, std::size_t host, std::string key) {
  Command type_command{"TYPE", key};
  const auto asking = redis.ask(host, std::move(type_command));
  const auto type = co_await asking;
  if (!type) co_return type.error();
  if (type->text != "zset") co_return Result<void>();  // a foreign key with a name like ours
  Command unlink_command{"UNLINK", key};
  const auto unlinking = redis.ask(host, std::move(unlink_command));
  const auto gone = co_await unlinking;
  if (!gone) co_return gone.error();
  co_return Result<void>();
}

Task<Result<void>> flush_host(RedisContext& redis, std::size_t host) {
  std::string cursor = "0";
  do {
    auto page = co_await scan(redis, host, cursor);
    if (!page) co_return page.error();
    cursor = page->next;
    for (const std::string& key : page->keys) {
      if (!is_key_of_core(redis.options().prefix, key)) continue;
      auto removed = co_await remove_set(redis, host, key);
      if (!removed) co_return removed;
    }
  } while (cursor != "0");
  co_return Result<void>();
}

}  // namespace

bool is_key_of_core(std::string_view prefix, std::string_view key) {
  if (!key.starts_with(prefix)) return false;
  key.remove_prefix(prefix.size());
  if (key.starts_with(CoreNames::group_mark)) return is_valid_group_name(key.substr(CoreNames::group_mark.size()));
  if (key.ends_with(inflight_mark)) key.remove_suffix(inflight_mark.size());
  return is_valid_channel_name(key);
}

Task<Result<std::vector<std::string>>> groups_of_core(RedisContext& redis) {
  std::set<std::string> groups;  // a scan may name a key twice
  const std::string begin = CoreNames(redis.options().prefix).group_key({});
  for (std::size_t host = 0; host < redis.hosts(); ++host) {
    std::string cursor = "0";
    do {
      auto page = co_await scan(redis, host, cursor);
      if (!page) co_return page.error();
      cursor = page->next;
      for (const std::string& key : page->keys) {
        if (key.starts_with(begin)) groups.insert(key.substr(begin.size()));
      }
    } while (cursor != "0");
  }
  co_return std::vector<std::string>(groups.begin(), groups.end());
}

Task<Result<void>> flush_core(RedisContext& redis) {
  for (std::size_t host = 0; host < redis.hosts(); ++host) {
    auto flushed = co_await flush_host(redis, host);
    if (!flushed) co_return flushed;
  }
  co_return Result<void>();
}

}  // namespace sluice::SLUICE_ABI::redis
