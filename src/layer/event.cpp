// SPDX-License-Identifier: MIT
#include "sluice/layer/event.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <unordered_set>

#include "json/quoted.hpp"
#include "layer/broadcast_schema.hpp"
#include "sluice/core/log.hpp"
#include "sluice/json/document.hpp"
#include "sluice/json/writer.hpp"

namespace sluice::SLUICE_ABI {
namespace {

// Looks each user up, however long both lists are.
void remove_users(std::vector<UserId>& from, const std::vector<UserId>& users) {
  const std::unordered_set<UserId> removed(users.begin(), users.end());
  std::erase_if(from, [&](const UserId& user) { return removed.contains(user); });
}

}  // namespace

struct Event::State {
  std::string type;
  BroadcastKind kind = BroadcastKind::none;
  bool from_broadcasts = false;

  // The part that it was made from is set; the others are made at their first use.
  mutable json::Text text;
  mutable std::optional<json::Document> document;
  mutable std::vector<Broadcast> broadcasts;
  mutable std::atomic<bool> has_text = false, has_document = false, has_broadcasts = false;
  mutable std::mutex making;

  // Not std::call_once: glibc's makes a system call, even when no thread waits.
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
  state->kind = broadcast_schema().kind_of(type);
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
  state->kind = broadcast_schema().kind_of(name);
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

Event Event::of_broadcasts(BroadcastKind kind, std::vector<Broadcast> broadcasts) {
  auto state = std::make_shared<State>();
  state->type = broadcast_schema().type_of(kind);
  state->kind = kind;
  state->broadcasts = std::move(broadcasts);
  state->from_broadcasts = true;
  return Event(std::move(state));
}

Event Event::broadcast_to_group(Payload payload, Audience audience) {
  if (audience.only_users) {  // the event for groups has no such key, the one for users has
    remove_users(*audience.only_users, audience.except_users);
    audience.only_users = distinct_users(*std::move(audience.only_users));
    audience.except_users.clear();
    return of_broadcasts(BroadcastKind::to_users, {{std::move(audience), payload.text(), payload.key()}});
  }
  return of_broadcasts(BroadcastKind::to_group, {{std::move(audience), payload.text(), payload.key()}});
}

Event Event::broadcast_to_users(Payload payload, std::vector<UserId> user_ids, std::string except_socket) {
  Audience audience{
      .except_socket = std::move(except_socket), .except_users = {}, .only_users = distinct_users(std::move(user_ids))};
  return of_broadcasts(BroadcastKind::to_users, {{std::move(audience), payload.text(), payload.key()}});
}

Event Event::broadcast_to_all_users(Payload payload, std::string except_socket) {
  Audience audience{.except_socket = std::move(except_socket)};
  return of_broadcasts(BroadcastKind::to_users, {{std::move(audience), payload.text(), payload.key()}});
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
  constexpr auto kind = BroadcastKind::to_users_individual_payloads;
  if (broadcasts.empty()) {
    const BroadcastSchema& schema = broadcast_schema();
    return Event(std::string(schema.type_of(kind)), schema.write_no_payloads(except_socket));
  }
  return of_broadcasts(kind, std::move(broadcasts));
}

BroadcastKind broadcast_kind_of(std::string_view type) noexcept { return broadcast_schema().kind_of(type); }

std::string_view Event::type() const noexcept { return state_->type; }

BroadcastKind Event::broadcast_kind() const noexcept { return state_->kind; }

const std::vector<Broadcast>& Event::broadcasts() const {
  const State& state = *state_;
  if (state.from_broadcasts || state.kind == BroadcastKind::none) return state.broadcasts;
  const json::Value map = value();
  state.once(state.has_broadcasts, [&] { state.broadcasts = broadcast_schema().read(state.kind, map); });
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
  state.once(state.has_text, [&] { state.text = broadcast_schema().write(state.kind, state.broadcasts); });
  return state.text;
}

std::size_t Event::memory() const noexcept {
  std::size_t bytes = size();
  if (!state_->from_broadcasts) return bytes;
  for (const Broadcast& broadcast : state_->broadcasts) {
    const Audience& audience = broadcast.audience;
    const std::size_t users = audience.except_users.size() + (audience.only_users ? audience.only_users->size() : 0);
    bytes += users * sizeof(UserId);
  }
  return bytes + (state_->broadcasts.size() - 1) * sizeof(Broadcast);
}

std::size_t Event::size() const noexcept {
  if (!state_->from_broadcasts) return state_->text.view().size();
  std::size_t bytes = state_->type.size();
  for (const Broadcast& broadcast : state_->broadcasts) bytes += broadcast.payload.view().size() + broadcast.key.size();
  return bytes;
}

}  // namespace sluice::SLUICE_ABI
