// SPDX-License-Identifier: MIT
// Sends an event through Redis from a command line or a script, and looks who is there.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/core/block_on.hpp"
#include "sluice/core/log.hpp"
#include "sluice/net/asio_dialer.hpp"
#include "sluice/redis/redis_channel_layer.hpp"
#include "sluice/redis/redis_pubsub_channel_layer.hpp"

namespace {

constexpr std::string_view usage = R"(usage: sluice-send [option...] group NAME [JSON]     to every member of a group
       sluice-send [option...] channel NAME [JSON]   to one channel
       sluice-send [option...] groups                names the groups that have members
       sluice-send [option...] members GROUP         names a group's members; not with --pubsub

JSON is a map with a text "type". Without it, each line of the standard input is one.

  --redis URL     where; repeat it for several hosts (redis://localhost:6379)
                  redis:// rediss:// unix:// sentinel:// cluster://
  --pubsub        the pub/sub layer instead of the core layer
  --prefix TEXT   what all names in Redis begin with (asgi)
  --key TEXT      a symmetric encryption key; repeat it for several, the first encrypts
  --json          messages are JSON, not MessagePack
  --quiet         says nothing of what arrived where
)";

constexpr int ok = 0, failed = 1, wrong_usage = 2;

struct Wanted {
  sluice::RedisOptions options;
  bool pubsub = false;
  bool quiet = false;
  std::vector<std::string> words;
};

// What the command line says; nothing, said on stderr, when it makes no sense.
std::optional<Wanted> read(const std::vector<std::string>& arguments) {
  Wanted wanted;
  std::vector<sluice::RedisHost> hosts;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    const bool takes_value = word == "--redis" || word == "--prefix" || word == "--key";
    if (takes_value && i + 1 == arguments.size()) {
      std::cerr << word << " wants a value\n";
      return std::nullopt;
    }
    if (word == "--redis") {
      hosts.emplace_back(arguments[++i]);
    } else if (word == "--prefix") {
      wanted.options.prefix = arguments[++i];
    } else if (word == "--key") {
      wanted.options.symmetric_encryption_keys.push_back(arguments[++i]);
    } else if (word == "--pubsub") {
      wanted.pubsub = true;
    } else if (word == "--json") {
      wanted.options.serializer_format = sluice::SerializerFormat::json;
    } else if (word == "--quiet") {
      wanted.quiet = true;
    } else if (word.starts_with("--")) {
      std::cerr << "unknown option " << word << "\n";
      return std::nullopt;
    } else {
      wanted.words.push_back(word);
    }
  }
  if (!hosts.empty()) wanted.options.hosts = std::move(hosts);
  return wanted;
}

int report(const sluice::Error& error) {
  std::cerr << "sluice-send: " << error.message() << "\n";
  return failed;
}

template <class Layer>
int send(Layer& layer, const Wanted& wanted, bool to_group, const std::string& json) {
  const std::string& name = wanted.words[1];
  const auto event = sluice::Event::parse(json);
  if (!event) return report(event.error());
  const auto receipt =
      sluice::block_on(to_group ? layer.group_send_confirmed(name, *event) : layer.send_confirmed(name, *event));
  if (!receipt) return report(receipt.error());
  if (!wanted.quiet) fmt::print("reached {}, full {}\n", receipt->reached, receipt->full);
  return ok;
}

template <class Layer>
int send_all(Layer& layer, const Wanted& wanted, bool to_group) {
  if (wanted.words.size() == 3) return send(layer, wanted, to_group, wanted.words[2]);
  int status = ok;
  for (std::string line; std::getline(std::cin, line);) {
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    status = std::max(status, send(layer, wanted, to_group, line));
  }
  return status;
}

int print(sluice::Result<std::vector<std::string>> names) {
  if (!names) return report(names.error());
  std::ranges::sort(*names);
  for (const std::string& name : *names) fmt::print("{}\n", name);
  return ok;
}

template <class Layer>
int work(const Wanted& wanted) {
  sluice::AsioExecutors executors(1);
  sluice::AsioDialer dialer(executors);
  Layer layer(executors, dialer, wanted.options);
  if (auto up = sluice::block_on(layer.wait_until_up()); !up) return report(up.error());
  const std::string& verb = wanted.words[0];
  int status = ok;
  if (verb == "groups") {
    status = print(sluice::block_on(layer.group_names()));
  } else if (verb == "members") {
    status = print(sluice::block_on(layer.group_channels(wanted.words[1])));
  } else {
    status = send_all(layer, wanted, verb == "group");
  }
  sluice::block_on(layer.close());
  return status;
}

bool makes_sense(const std::vector<std::string>& words) {
  if (words.empty()) return false;
  if (words[0] == "groups") return words.size() == 1;
  if (words[0] == "members") return words.size() == 2;
  return (words[0] == "group" || words[0] == "channel") && (words.size() == 2 || words.size() == 3);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (std::ranges::find(arguments, "--help") != arguments.end()) {
    fmt::print("{}", usage);
    return ok;
  }
  try {
    const auto wanted = read(arguments);
    if (!wanted || !makes_sense(wanted->words)) {
      std::cerr << usage;
      return wrong_usage;
    }
    if (wanted->pubsub && wanted->words[0] == "members") {
      std::cerr << "sluice-send: on the pub/sub layer each process knows its own members only\n";
      return wrong_usage;
    }
    return wanted->pubsub ? work<sluice::RedisPubSubChannelLayer>(*wanted) : work<sluice::RedisChannelLayer>(*wanted);
  } catch (const std::exception& error) {  // a URL that is none, say
    std::cerr << "sluice-send: " << error.what() << "\n";
    return wrong_usage;
  }
}
