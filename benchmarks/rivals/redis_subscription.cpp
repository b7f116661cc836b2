// SPDX-License-Identifier: MIT
#include "rivals/redis_subscription.hpp"

#include <hiredis/hiredis.h>

#include <msgpack.hpp>
#include <stdexcept>
#include <string>

namespace {

// What stands in the map under this key, or null.
const msgpack::object* member(const msgpack::object& map, std::string_view key) {
  if (map.type != msgpack::type::MAP) return nullptr;
  for (const msgpack::object_kv& each : map.via.map) {
    if (each.key.type == msgpack::type::STR && each.key.as<std::string_view>() == key) return &each.val;
  }
  return nullptr;
}

}  // namespace

RedisSubscription::RedisSubscription(std::uint16_t port, std::string_view group)
    : context_(redisConnect("127.0.0.1", port), &redisFree) {
  const std::string channel = "asgi__group__" + std::string(group);
  const char* words[] = {"SUBSCRIBE", channel.c_str()};
  void* reply = context_ ? redisCommandArgv(context_.get(), 2, words, nullptr) : nullptr;
  if (!reply) throw std::runtime_error("floor: no Redis at port " + std::to_string(port));
  freeReplyObject(reply);
}

RedisSubscription::~RedisSubscription() = default;

int RedisSubscription::descriptor() const noexcept { return context_->fd; }

void RedisSubscription::read(const std::function<void(std::string_view json)>& tell) {
  if (redisBufferRead(context_.get()) != REDIS_OK) throw std::runtime_error("floor: Redis is gone");
  for (void* next = nullptr; redisGetReplyFromReader(context_.get(), &next) == REDIS_OK && next;) {
    const std::unique_ptr<void, void (*)(void*)> reply(next, &freeReplyObject);
    const auto& push = *static_cast<redisReply*>(next);
    if (push.elements != 3 || !push.element[2]->str) continue;
    const auto event = msgpack::unpack(push.element[2]->str, push.element[2]->len);
    const msgpack::object* payload = member(event.get(), "payload");
    const msgpack::object* text = payload ? member(*payload, "m") : nullptr;
    if (text) tell("{\"m\":\"" + text->as<std::string>() + "\"}");
  }
}
