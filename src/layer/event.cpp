// SPDX-License-Identifier: MIT
#include "sluice/layer/event.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <mutex>
#include <optional>
#include <unordered_set>

#include "json/quoted.hpp"
#include "sluice/core/log.hpp"
#include "sluice/json/document.hpp"
#include "sluice/json/writer.hpp"

namespace sluice {
namespace {

constexpr std::string_view to_group_type = "broadcast_to_group";
constexpr std::string_view to_users_type = "broadcast_to_users";
constexpr std::string_view individual_type = "broadcast_to_users_individual_payloads";

bool lists(const std::vector<UserId>& users, const UserId& user) {
  return std::ranges::find(users, user) != users.end();
}

// Each user once, so that nobody hears a broadcast twice; anonymous is nobody.
std::vector<UserId> distinct(std::vector<UserId> users) {
  std::unordered_set<UserId> seen;
  std::erase_if(users, [&](const UserId& user) { return user.anonymous() || !seen.insert(user).second; });
  return users;
}

// What a Django peer may send as a list of user ids: null, or a list whose odd members match nobody.
std::vector<UserId> user_list(json::Value value) {
  std::vector<UserId> users;
  for (json::Value element : value.elements()) {
    UserId id;
    if (json_read(element, id)) users.push_back(std::move(id));
  }
  return distinct(std::move(users));
}

// Ours alone: a peer that knows no keys passes it over.
constexpr std::string_view key_name = "payload_key";

std::string text_or_empty(json::Value value) { return std::string(value.as_string().value_or("")); }

// The user whom a key of a payload map names: a number is there as its text (behaviour CC-25).
std::vector<UserId> users_of_key(std::string_view key) {
  std::vector<UserId> users{UserId(key)};
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), number);
  if (error == std::errc() && end == key.data() + key.size() && std::to_string(number) == key) {
    users.emplace_back(number);
  }
  return users;
}

std::vector<Broadcast> read_broadcasts(BroadcastKind kind, json::Value map) {
  std::vector<Broadcast> broadcasts;
  Audience audience{.except_socket = text_or_empty(map["ignore_web_socket_id"])};
  const json::Value payload = map["payload"];
  switch (kind) {
    case BroadcastKind::to_group:
      if (!payload) break;
      audience.except_users = user_list(map["exclude_user_ids"]);
      broadcasts.push_back({std::move(audience), payload.to_text(), text_or_empty(map[key_name])});
      break;
    case BroadcastKind::to_users:
      if (!payload) break;
      if (!map["send_to_all_users"].as_bool().value_or(false)) audience.only_users = user_list(map["user_ids"]);
      broadcasts.push_back({std::move(audience), payload.to_text(), text_or_empty(map[key_name])});
      break;
    case BroadcastKind::to_users_individual_payloads:
      for (const auto [key, individual] : map["payload_map"].members()) {
        Audience one = audience;
        one.only_users = users_of_key(key);
        broadcasts.push_back({std::move(one), individual.to_text(), text_or_empty(map[key_name][key])});
      }
      break;
    case BroadcastKind::none: break;
  }
  return broadcasts;
}

json::Writer& write_ignored(json::Writer& out, const std::string& socket) {
  out.key("ignore_web_socket_id");
  return socket.empty() ? out.null() : out.value(std::string_view(socket));
}

void write_key(json::Writer& out, const std::string& key) {
  if (!key.empty()) out.key(key_name).value(std::string_view(key));
}

// One each, as there is one payload each.
void write_keys(json::Writer& out, const std::vector<Broadcast>& broadcasts) {
  if (std::ranges::all_of(broadcasts, [](const Broadcast& one) { return one.key.empty(); })) return;
  out.key(key_name).begin_object();
  for (const Broadcast& one : broadcasts) {
    if (!one.key.empty()) out.key(one.audience.only_users->front().to_string()).value(std::string_view(one.key));
  }
  out.end_object();
}

void write_users(json::Writer& out, const std::vector<UserId>& users) {
  out.begin_array();
  for (const UserId& id : users) json_write(out, id);
  out.end_array();
}

// The map as Django's peers know it: all keys, unset ones as null (behaviour BT-2).
json::Text write_broadcasts(std::string_view type, BroadcastKind kind, const std::vector<Broadcast>& broadcasts) {
  json::Writer out;
  out.begin_object().key("type").value(type);
  const Broadcast& first = broadcasts.front();
  switch (kind) {
    case BroadcastKind::to_group:
      out.key("payload").value(first.payload);
      write_ignored(out, first.audience.except_socket).key("exclude_user_ids");
      if (first.audience.except_users.empty()) {
        out.null();
      } else {
        write_users(out, first.audience.except_users);
      }
      write_key(out, first.key);
      break;
    case BroadcastKind::to_users:
      out.key("user_ids");
      write_users(out, first.audience.only_users.value_or(std::vector<UserId>()));
      out.key("payload").value(first.payload);
      write_ignored(out, first.audience.except_socket);
      out.key("send_to_all_users").value(!first.audience.only_users);
      write_key(out, first.key);
      break;
    case BroadcastKind::to_users_individual_payloads:
      out.key("payload_map").begin_object();
      for (const Broadcast& one : broadcasts) {
        out.key(one.audience.only_users->front().to_string()).value(one.payload);
      }
      out.end_object();
      write_ignored(out, first.audience.except_socket);
      write_keys(out, broadcasts);
      break;
    case BroadcastKind::none: break;
  }
  return out.end_object().take_text();
}

}  // namespace

BroadcastKind broadcast_kind_of(std::string_view type) noexcept {
  if (type == to_group_type) return BroadcastKind::to_group;
  if (type == to_users_type) return BroadcastKind::to_users;
  if (type == individual_type) return BroadcastKind::to_users_individual_payloads;
  return BroadcastKind::none;
}

struct Event::State {
  std::string type;
  BroadcastKind kind = BroadcastKind::none;
  bool from_broadcasts = false;

  // What it was made from is set; the others follow when they are first asked for.
  mutable json::Text text;
  mutable std::optional<json::Document> document;
  mutable std::vector<Broadcast> broadcasts;
  mutable std::atomic<bool> has_text = false, has_document = false, has_broadcasts = false;
  mutable std::mutex making;

  // std::call_once would do, but glibc's makes a system call, even when nobody waits.
  template <class Make>
  void once(std::atomic<bool>& done, Make make) const {
    if (done.load(std::memory_order_acquire)) return;
    const std::lock_guard lock(making);
    if (done.load(std::memory_order_relaxed)) return;
    make();
    done.store(true, std::memory_order_release);
  }
};

Event::Event(std::string type, json::Text text) {
  std::ranges::replace(type, '.', '_');
  auto state = std::make_shared<State>();
  state->kind = broadcast_kind_of(type);
  state->type = std::move(type);
  state->text = std::move(text);
  state_ = std::move(state);
}

Result<Event> Event::parse(std::string_view json_map) {
  auto document = json::Document::parse(json_map);
  if (!document) return document.error();
  const json::Value type_value = document->root()["type"];
  const auto type = type_value.as_string();
  if (!type || type->empty()) {
    return Error(ErrorCode::missing_field, "event: it needs a text \"type\", the name of its handler");
  }
  std::string name(*type);
  std::ranges::replace(name, '.', '_');
  if (name.front() == '_') {
    return Error(ErrorCode::invalid_name,
                 fmt::format("event type {}: it must not begin with a dot or an underscore", json::in_quotes(*type)));
  }
  auto state = std::make_shared<State>();
  state->kind = broadcast_kind_of(name);
  state->type = std::move(name);
  state->text = json::Text(std::string(json_map));
  state->document = std::move(*document);
  state->has_document = true;
  return Event(std::move(state));
}

Event Event::named(std::string_view type) {
  json::Writer out;
  return Event(std::string(type), out.begin_object().key("type").value(type).end_object().take_text());
}

Event Event::of_broadcasts(std::string_view type, std::vector<Broadcast> broadcasts) {
  auto state = std::make_shared<State>();
  state->type = type;
  state->kind = broadcast_kind_of(type);
  state->broadcasts = std::move(broadcasts);
  state->from_broadcasts = true;
  return Event(std::move(state));
}

Event Event::broadcast_to_group(Payload payload, Audience audience) {
  if (audience.only_users) {  // the event for groups has no such key, the one for users has
    std::erase_if(*audience.only_users, [&](const UserId& user) { return lists(audience.except_users, user); });
    audience.only_users = distinct(*std::move(audience.only_users));
    audience.except_users.clear();
    return of_broadcasts(to_users_type, {{std::move(audience), payload.text(), payload.key()}});
  }
  return of_broadcasts(to_group_type, {{std::move(audience), payload.text(), payload.key()}});
}

Event Event::broadcast_to_users(Payload payload, std::vector<UserId> user_ids, std::string except_socket) {
  Audience audience{
      .except_socket = std::move(except_socket), .except_users = {}, .only_users = distinct(std::move(user_ids))};
  return of_broadcasts(to_users_type, {{std::move(audience), payload.text(), payload.key()}});
}

Event Event::broadcast_to_all_users(Payload payload, std::string except_socket) {
  Audience audience{.except_socket = std::move(except_socket)};
  return of_broadcasts(to_users_type, {{std::move(audience), payload.text(), payload.key()}});
}

Event Event::broadcast_to_users_individual_payloads(std::vector<std::pair<UserId, Payload>> payloads,
                                                    std::string except_socket) {
  std::vector<Broadcast> broadcasts;
  for (auto& [user, payload] : payloads) {
    if (user.anonymous()) continue;
    broadcasts.push_back(
        {Audience{.except_socket = except_socket, .except_users = {}, .only_users = std::vector{std::move(user)}},
         payload.text(), payload.key()});
  }
  if (broadcasts.empty()) {
    json::Writer out;
    out.begin_object().key("type").value(individual_type).key("payload_map").begin_object().end_object();
    return Event(std::string(individual_type), write_ignored(out, except_socket).end_object().take_text());
  }
  return of_broadcasts(individual_type, std::move(broadcasts));
}

std::string_view Event::type() const noexcept { return state_->type; }

BroadcastKind Event::broadcast_kind() const noexcept { return state_->kind; }

const std::vector<Broadcast>& Event::broadcasts() const {
  const State& state = *state_;
  if (state.from_broadcasts || state.kind == BroadcastKind::none) return state.broadcasts;
  const json::Value map = value();
  state.once(state.has_broadcasts, [&] { state.broadcasts = read_broadcasts(state.kind, map); });
  return state.broadcasts;
}

json::Value Event::value() const {
  const State& state = *state_;
  const std::string_view map = text().view();
  state.once(state.has_document, [&] {
    auto parsed = json::Document::parse(map);
    if (parsed) {
      state.document = std::move(*parsed);
    } else {
      log(LogLevel::error,
          fmt::format("event {}: its JSON can't be read: {}", json::in_quotes(type()), parsed.error().message()));
    }
  });
  return state.document ? state.document->root() : json::Value();
}

const json::Text& Event::text() const {
  const State& state = *state_;
  if (!state.from_broadcasts) return state.text;
  state.once(state.has_text, [&] { state.text = write_broadcasts(state.type, state.kind, state.broadcasts); });
  return state.text;
}

std::size_t Event::size() const noexcept {
  if (!state_->from_broadcasts) return state_->text.view().size();
  std::size_t bytes = state_->type.size();
  for (const Broadcast& broadcast : state_->broadcasts) bytes += broadcast.payload.view().size() + broadcast.key.size();
  return bytes;
}

}  // namespace sluice
