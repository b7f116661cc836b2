// SPDX-License-Identifier: MIT
#include "redis/support/tiny_redis.hpp"
#include "sluice/abi.hpp"

#include <algorithm>
#include <limits>

namespace sluice::SLUICE_ABI::redis {
namespace {

using Words = std::vector<std::string>;

std::string number(std::int64_t value) { return ":" + std::to_string(value) + "\r\n"; }
std::string bulk(const std::string& text) { return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n"; }
std::string array(const Words& encoded) {
  std::string out = "*" + std::to_string(encoded.size()) + "\r\n";
  for (const std::string& element : encoded) out += element;
  return out;
}
const std::string ok = "+OK\r\n";
const std::string nil_array = "*-1\r\n";

double bound(const std::string& text) {
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  if (text == "+inf") return std::numeric_limits<double>::infinity();
  return std::stod(text);
}

bool is_digits(const std::string& text) { return text.find_first_not_of("0123456789") == text.npos; }

std::string score_text(double score) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", score);
  return text;
}

}  // namespace

testing::ScriptedDialer::Serve TinyRedis::server() {
  return [this](const std::shared_ptr<testing::ScriptedPeer>& peer) {
    const ClientPlace client = clients_.insert(clients_.end(), Client{});
    client->id = ++last_id_;
    client->peer = peer;
    peer->on_bytes = [this, client](std::string_view bytes) { take(*client, bytes); };
    peer->on_gone = [this, client] {
      if (!deaf_) clients_.erase(client);
    };
  };
}

void TinyRedis::forget() { sets_.clear(); }

Words TinyRedis::keys() const {
  Words names;
  for (const auto& [key, set] : sets_) names.push_back(key);
  return names;
}

Words TinyRedis::members(const std::string& key) const {
  Words names;
  const auto found = sets_.find(key);
  if (found == sets_.end()) return names;
  for (const auto& [member, score] : found->second) names.push_back(member);
  return names;
}

Words TinyRedis::subscriptions() const {
  std::set<std::string> all;
  for (const Client& client : clients_) {
    all.insert(client.channels.begin(), client.channels.end());
    all.insert(client.patterns.begin(), client.patterns.end());
  }
  return Words(all.begin(), all.end());
}

std::string TinyRedis::run(Words words) {
  Client other;
  other.authenticated = true;
  std::string reply = answer(other, words);
  wake();
  return reply;
}

void TinyRedis::lose_readers() {
  for (Client& client : clients_) {
    if (!client.blocked_on.empty() || !client.channels.empty() || !client.patterns.empty()) client.unreachable = true;
  }
}

void TinyRedis::take(Client& client, std::string_view bytes) {
  if (client.unreachable) return;
  client.reader.feed(bytes);
  for (;;) {
    auto command = client.reader.next();
    if (!command || !*command) break;
    Words words;
    for (const Reply& word : (*command)->elements) words.push_back(word.text);
    client.waiting.push_back(std::move(words));
  }
  serve(client);
}

void TinyRedis::serve(Client& client) {
  while (client.blocked_on.empty() && !client.waiting.empty()) {
    const Words words = std::move(client.waiting.front());
    client.waiting.pop_front();
    const std::string reply = answer(client, words);
    if (const auto peer = client.peer.lock(); peer && !reply.empty()) peer->send(reply);
  }
  wake();
}

// Blocked clients get what has come, the longest waiting first.
void TinyRedis::wake() {
  for (Client& client : clients_) {
    for (const std::string& key : client.blocked_on) {
      if (!sets_.contains(key)) continue;
      const std::string popped = pop(key, true, 1);
      client.blocked_on.clear();
      if (client.unreachable) continue;
      if (const auto peer = client.peer.lock()) peer->send(popped);
      return serve(client);
    }
  }
}

void TinyRedis::block(Client& client, const Words& words) {
  client.blocked_on.assign(words.begin() + 1, words.end() - 1);
  const std::uint64_t block = ++client.blocks;
  executor_.post_after(std::chrono::seconds(std::stoi(words.back())),
                       [weak = std::weak_ptr(alive_), id = client.id, block] {
                         const auto self = weak.lock();
                         if (!self) return;
                         const auto found = std::ranges::find(self->clients_, id, &Client::id);
                         if (found != self->clients_.end() && found->blocks == block && !found->blocked_on.empty())
                           self->unblock(*found);
                       });
}

void TinyRedis::unblock(Client& client) {
  client.blocked_on.clear();
  if (client.unreachable) return;
  if (const auto peer = client.peer.lock()) peer->send(nil_array);
  serve(client);
}

std::string TinyRedis::answer(Client& client, const Words& words) {
  const std::string& name = words.front();
  if (name == "AUTH") {
    if (words.back() != password_) return "-WRONGPASS invalid username-password pair\r\n";
    client.authenticated = true;
    return ok;
  }
  if (!password_.empty() && !client.authenticated) return "-NOAUTH Authentication required.\r\n";
  if (name == "PING")
    return client.channels.empty() && client.patterns.empty() ? "+PONG\r\n" : array({bulk("pong"), bulk("")});
  if (name == "SELECT") return ok;
  if (name == "ROLE") return array({bulk(role_), number(0), array({})});
  if (name == "SENTINEL") return array({bulk(master_), bulk("6379")});
  const bool probe =
      (name == "ZADD" && words[3].starts_with("\xc1sluice")) || (name == "PUBLISH" && is_digits(words[2]));
  if (!probe) commands_.push_back(name);
  probes_ += probe;
  if (!failure_.empty()) return "-" + failure_ + "\r\n";
  if (const auto refusal = refused_.find(name); refusal != refused_.end()) return "-" + refusal->second + "\r\n";
  if (name == "CLIENT" && words[1] == "ID") return number(client.id);
  if (name == "CLIENT") {  // UNBLOCK
    for (Client& other : clients_) {
      if (std::to_string(other.id) != words[2] || other.blocked_on.empty()) continue;
      unblock(other);
      return number(1);
    }
    return number(0);
  }
  if (name == "PSUBSCRIBE" && refuses_patterns_) return "-NOPERM No permissions to access a channel\r\n";
  if (name.ends_with("SUBSCRIBE")) return subscribe(client, words);
  if (name == "PUBLISH") return publish(words[1], words[2]);
  if (name == "EVAL") return words[1].find("ZSCORE") == std::string::npos ? store(words) : missing(words);
  if (name == "BZPOPMIN") {
    for (std::size_t i = 1; i + 1 < words.size(); ++i) {
      if (sets_.contains(words[i])) return pop(words[i], true, 1);
    }
    block(client, words);
    return {};
  }
  if (name == "ZPOPMIN") return pop(words[1], false, std::stoul(words[2]));
  if (name == "ZRANGE" || name == "ZCARD" || name == "SCAN" || name == "TYPE") return look(words);
  return write(words);
}

std::string TinyRedis::look(const Words& words) {
  Words found;
  if (words.front() == "ZCARD") return number(sets_.contains(words[1]) ? sets_[words[1]].size() : 0);
  if (words.front() == "TYPE") return sets_.contains(words[1]) ? "+zset\r\n" : "+none\r\n";
  if (words.front() == "SCAN") {
    for (const auto& [key, set] : sets_) found.push_back(bulk(key));
    return array({bulk("0"), array(found)});
  }
  std::multimap<double, std::string> by_score;
  for (const auto& [member, score] : sets_.contains(words[1]) ? sets_[words[1]] : Set())
    by_score.emplace(score, member);
  for (const auto& [score, member] : by_score) found.push_back(bulk(member));
  return array(found);
}

std::string TinyRedis::write(const Words& words) {
  const std::string& name = words.front();
  const std::string& key = words[1];
  std::int64_t count = 0;
  if (name == "ZADD") {
    count = sets_[key].insert_or_assign(words[3], std::stod(words[2])).second;
  } else if (name == "ZREM") {
    if (sets_.contains(key)) count = static_cast<std::int64_t>(sets_[key].erase(words[2]));
  } else if (name == "ZREMRANGEBYSCORE") {
    if (sets_.contains(key)) {
      count = static_cast<std::int64_t>(std::erase_if(sets_[key], [&](const auto& entry) {
        return entry.second >= bound(words[2]) && entry.second <= bound(words[3]);
      }));
    }
  } else if (name == "EXPIRE") {
    count = sets_.contains(key);
  } else if (name == "DEL" || name == "UNLINK") {
    count = static_cast<std::int64_t>(sets_.erase(key));
  } else {
    return "-ERR unknown command '" + name + "'\r\n";
  }
  if (sets_.contains(key) && sets_[key].empty()) sets_.erase(key);
  return number(count);
}

// What the layer's other script does.
std::string TinyRedis::missing(const Words& words) {
  const std::size_t count = std::stoul(words[2]);
  Words numbers;
  for (std::size_t i = 1; i <= count; ++i) {
    const auto found = sets_.find(words[2 + i]);
    if (found == sets_.end() || !found->second.contains(words[2 + count + i]))
      numbers.push_back(number(static_cast<std::int64_t>(i)));
  }
  return array(numbers);
}

// What the layer's script does.
std::string TinyRedis::store(const Words& words) {
  const std::size_t count = std::stoul(words[2]);
  const auto argument = [&](std::size_t i) { return words[2 + count + i]; };
  std::int64_t expired = 0;
  Words full;
  for (std::size_t i = 1; i <= count; ++i) {
    const std::string& key = words[2 + i];
    expired += std::stoll(write({"ZREMRANGEBYSCORE", key, "0", argument(1)}).substr(1));
    if ((sets_.contains(key) ? sets_[key].size() : 0) < std::stoul(argument(2 * i + 2))) {
      write({"ZADD", key, argument(2), argument(2 * i + 3)});
    } else {
      full.push_back(number(static_cast<std::int64_t>(i)));
    }
  }
  full.insert(full.begin(), number(expired));
  return array(full);
}

std::string TinyRedis::pop(const std::string& key, bool with_key, std::size_t most) {
  Words found;
  if (with_key) found.push_back(bulk(key));
  while (most-- > 0 && sets_.contains(key)) {
    Set& set = sets_[key];
    const auto first = std::ranges::min_element(set, {}, [](const auto& entry) { return entry.second; });
    found.push_back(bulk(first->first));
    found.push_back(bulk(score_text(first->second)));
    set.erase(first);
    if (set.empty()) sets_.erase(key);
  }
  return array(found);
}

std::string TinyRedis::subscribe(Client& client, const Words& words) {
  auto& names = words.front().starts_with('P') ? client.patterns : client.channels;
  const bool adds = words.front().find("UNSUB") == std::string::npos;
  std::string kind = words.front();
  std::ranges::transform(kind, kind.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
  std::string replies;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (adds) {
      names.insert(words[i]);
    } else {
      names.erase(words[i]);
    }
    const auto count = static_cast<std::int64_t>(client.channels.size() + client.patterns.size());
    replies += array({bulk(kind), bulk(words[i]), number(count)});
  }
  return replies;
}

std::string TinyRedis::publish(const std::string& channel, const std::string& message) {
  std::int64_t heard = 0;
  for (Client& client : clients_) {
    const auto peer = client.peer.lock();
    if (!peer) continue;
    if (client.unreachable) {  // Redis does not know it
      ++heard;
      continue;
    }
    if (client.channels.contains(channel)) {
      peer->send(array({bulk("message"), bulk(channel), bulk(message)}));
      ++heard;
    }
    for (const std::string& pattern : client.patterns) {  // all of them are "beginning*"
      if (!channel.starts_with(pattern.substr(0, pattern.size() - 1))) continue;
      peer->send(array({bulk("pmessage"), bulk(pattern), bulk(channel), bulk(message)}));
      ++heard;
    }
  }
  return number(heard);
}

}  // namespace sluice::SLUICE_ABI::redis
