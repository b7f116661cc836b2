// SPDX-License-Identifier: MIT
// Broadcasts in the form of Baserow's Django processes: events of three types, with Baserow's names and keys.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "core/string_hash.hpp"
#include "core/whole_number.hpp"
#include "layer/broadcast_schema.hpp"
#include "sluice/json/writer.hpp"

namespace sluice::SLUICE_ABI {
namespace {

constexpr std::string_view to_group_type = "broadcast_to_group";
constexpr std::string_view to_users_type = "broadcast_to_users";
constexpr std::string_view individual_type = "broadcast_to_users_individual_payloads";

// A list of user ids of a Django peer: null, or a list whose invalid members match no user.
std::vector<UserId> user_list(json::Value value) {
  std::vector<UserId> users;
  for (json::Value element : value.elements()) {
    UserId id;
    if (json_read(element, id)) users.push_back(std::move(id));
  }
  return distinct_users(std::move(users));
}

// Only Sluice uses this key: other peers ignore it.
constexpr std::string_view key_name = "payload_key";

std::string text_or_empty(json::Value value) { return std::string(value.as_string().value_or("")); }

// In a payload map a user's number is its text (behaviour CC-25). To distinguish user 7 from user "7", texts that could
// be numbers are listed beside it, and where one event is for both, the text's payload has a map of its own. Django
// ignores both. Events from Django have neither, so a key stands for both users.
constexpr std::string_view text_ids_name = "text_user_ids";
constexpr std::string_view text_map_name = "text_payload_map";

std::vector<UserId> users_of_key(std::string_view key, const std::unordered_set<std::string_view, StringHash>* texts) {
  const auto number = canonical_number<std::int64_t>(key);
  if (!number || (texts && texts->contains(key))) return {UserId(key)};
  if (texts) return {UserId(*number)};
  return {UserId(key), UserId(*number)};
}

using TextsByUser = std::unordered_map<std::string_view, std::string_view, StringHash>;

// Looked up in a map: a search in the JSON for each user would go through all of it each time.
TextsByUser texts_by_user(json::Value value) {
  TextsByUser texts;
  for (const auto [user, text] : value.members()) texts.insert_or_assign(user, text.as_string().value_or(""));
  return texts;
}

std::vector<Broadcast> read_individual(json::Value map, const Audience& audience) {
  std::unordered_set<std::string_view, StringHash> texts;
  const json::Value listed = map[text_ids_name];
  for (json::Value element : listed.elements()) {
    if (const auto text = element.as_string()) texts.insert(*text);
  }
  const TextsByUser keys = texts_by_user(map[key_name]);
  std::vector<Broadcast> broadcasts;
  for (const auto [user, payload] : map["payload_map"].members()) {
    Audience one = audience;
    one.only_users = users_of_key(user, listed.is_array() ? &texts : nullptr);
    const auto key = keys.find(user);
    broadcasts.push_back(
        {std::move(one), payload.to_text(), key == keys.end() ? std::string() : std::string(key->second)});
  }
  for (const auto [key, payload] : map[text_map_name].members()) {
    Audience one = audience;
    one.only_users = {UserId(key)};
    broadcasts.push_back({std::move(one), payload.to_text()});
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

const UserId& user_of(const Broadcast& individual) { return individual.audience.only_users->front(); }

// One audience each, as each has a payload of its own.
void write_keys(json::Writer& out, const std::vector<const Broadcast*>& broadcasts) {
  if (std::ranges::all_of(broadcasts, [](const Broadcast* one) { return one->key.empty(); })) return;
  out.key(key_name).begin_object();
  for (const Broadcast* one : broadcasts) {
    if (!one->key.empty()) out.key(user_of(*one).to_string()).value(std::string_view(one->key));
  }
  out.end_object();
}

void write_individual(json::Writer& out, const std::vector<Broadcast>& broadcasts) {
  std::unordered_set<std::int64_t> numbers;
  for (const Broadcast& one : broadcasts) {
    if (const auto* number = user_of(one).number()) numbers.insert(*number);
  }
  std::vector<const Broadcast*> mapped, apart;
  std::vector<std::string_view> texts;  // in the map
  bool ambiguous = !numbers.empty();
  for (const Broadcast& one : broadcasts) {
    const auto* text = user_of(one).text();
    const auto number = text ? canonical_number<std::int64_t>(*text) : std::nullopt;
    const bool is_apart = number && numbers.contains(*number);
    (is_apart ? apart : mapped).push_back(&one);
    ambiguous |= number.has_value();
    if (number && !is_apart) texts.push_back(*text);
  }
  const auto write_map = [&out](std::string_view name, const std::vector<const Broadcast*>& some) {
    out.key(name).begin_object();
    for (const Broadcast* one : some) out.key(user_of(*one).to_string()).value(one->payload);
    out.end_object();
  };
  write_map("payload_map", mapped);
  write_ignored(out, broadcasts.front().audience.except_socket);
  write_keys(out, mapped);
  if (!ambiguous) return;
  out.key(text_ids_name).begin_array();
  for (const std::string_view text : texts) out.value(text);
  out.end_array();
  if (!apart.empty()) write_map(text_map_name, apart);
}

void write_users(json::Writer& out, const std::vector<UserId>& users) {
  out.begin_array();
  for (const UserId& id : users) json_write(out, id);
  out.end_array();
}

class BaserowSchema final : public BroadcastSchema {
 public:
  BroadcastKind kind_of(std::string_view type) const noexcept override {
    if (type == to_group_type) return BroadcastKind::to_group;
    if (type == to_users_type) return BroadcastKind::to_users;
    if (type == individual_type) return BroadcastKind::to_users_individual_payloads;
    return BroadcastKind::none;
  }
  std::string_view type_of(BroadcastKind kind) const noexcept override {
    switch (kind) {
      case BroadcastKind::to_group: return to_group_type;
      case BroadcastKind::to_users: return to_users_type;
      case BroadcastKind::to_users_individual_payloads: return individual_type;
      case BroadcastKind::none: break;
    }
    return {};
  }
  std::vector<Broadcast> read(BroadcastKind kind, json::Value map) const override;
  std::string_view missing_part(BroadcastKind kind, json::Value map) const override {
    if (kind != BroadcastKind::to_users_individual_payloads) return "\"payload\"";
    return map["payload_map"].is_object() ? std::string_view() : "map \"payload_map\"";
  }
  json::Text write(BroadcastKind kind, const std::vector<Broadcast>& broadcasts) const override;
  json::Text write_no_payloads(const std::string& except_socket) const override;
};

std::vector<Broadcast> BaserowSchema::read(BroadcastKind kind, json::Value map) const {
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
    case BroadcastKind::to_users_individual_payloads: return read_individual(map, audience);
    case BroadcastKind::none: break;
  }
  return broadcasts;
}

// All keys, unset ones as null (behaviour BT-2).
json::Text BaserowSchema::write(BroadcastKind kind, const std::vector<Broadcast>& broadcasts) const {
  json::Writer out;
  out.begin_object().key("type").value(type_of(kind));
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
    case BroadcastKind::to_users_individual_payloads: write_individual(out, broadcasts); break;
    case BroadcastKind::none: break;
  }
  return out.end_object().take_text();
}

json::Text BaserowSchema::write_no_payloads(const std::string& except_socket) const {
  json::Writer out;
  out.begin_object().key("type").value(individual_type).key("payload_map").begin_object().end_object();
  return write_ignored(out, except_socket).end_object().take_text();
}

constinit const BaserowSchema schema;

}  // namespace

const BroadcastSchema& broadcast_schema() noexcept { return schema; }

}  // namespace sluice::SLUICE_ABI
