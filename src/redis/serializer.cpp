// SPDX-License-Identifier: MIT
#include "redis/serializer.hpp"

#include <fmt/format.h>

#include "sluice/json/document.hpp"
#include "sluice/json/writer.hpp"

namespace sluice::redis {
namespace {

constexpr std::string_view json_comma = ", ";

void write_channels(json::Writer& out, Addressing addressing, std::span<const std::string> channels) {
  if (addressing == Addressing::one) {
    out.value(std::string_view(channels.front()));
    return;
  }
  out.begin_array();
  for (const std::string& channel : channels) out.value(std::string_view(channel));
  out.end_array();
}

std::string json_message(const Body& body, Addressing addressing, std::span<const std::string> channels) {
  std::string text = "{" + body.members;
  if (addressing != Addressing::none) {
    json::Writer out(json::Style::python);
    write_channels(out, addressing, channels);
    text += fmt::format("{}\"{}\": {}", body.size > 0 ? json_comma : "", channel_key, out.view());
  }
  return text + "}";
}

std::string packed_message(const Body& body, Addressing addressing, std::span<const std::string> channels) {
  std::string packed;
  pack_map_header(body.size + (addressing == Addressing::none ? 0 : 1), packed);
  packed += body.members;
  if (addressing == Addressing::none) return packed;
  pack_text(channel_key, packed);
  if (addressing == Addressing::list) pack_array_header(channels.size(), packed);
  for (const std::string& channel : channels) pack_text(channel, packed);
  return packed;
}

Result<Unpacked> read_json(std::string_view text) {
  auto document = json::Document::parse(text);
  if (!document) return document.error();
  if (!document->root().is_object()) return Error(ErrorCode::parse_failed, "message: it is no map");
  const json::Value reserved = document->root()[channel_key];
  if (!reserved) return Unpacked{std::string(text), {}};
  Unpacked unpacked;
  if (const auto channel = reserved.as_string()) unpacked.channels.emplace_back(*channel);
  for (json::Value channel : reserved.elements()) {
    if (const auto name = channel.as_string()) unpacked.channels.emplace_back(*name);
  }
  json::Writer out;
  out.begin_object();
  for (const auto [key, value] : document->root().members()) {
    if (key != channel_key) out.key(key).value(value);
  }
  out.end_object();
  unpacked.json = out.take();
  return unpacked;
}

}  // namespace

Serializer::Serializer(const RedisOptions& options, std::chrono::seconds oldest)
    : format_(options.serializer_format), bytes_(options.bytes), oldest_(oldest) {
  if (!options.symmetric_encryption_keys.empty()) fernet_.emplace(options.symmetric_encryption_keys);
}

Result<Body> Serializer::body(const Event& event) const {
  const json::Value map = event.value();
  if (!map.is_object()) {
    return Error(ErrorCode::invalid_argument, fmt::format("event \"{}\": its JSON is no map", event.type()));
  }
  Body body;
  json::Writer json(json::Style::python);
  for (const auto [key, value] : map.members()) {
    if (key == channel_key) {
      return Error(ErrorCode::invalid_argument,
                   fmt::format("event \"{}\": the key \"{}\" is the layer's own", event.type(), channel_key));
    }
    if (format_ == SerializerFormat::msgpack) {
      pack_text(key, body.members);
      pack(value, bytes_, body.members);
    } else {
      if (body.size > 0) body.members += json_comma;
      json.value(key);
      body.members += json.take() + ": ";
      json.value(value);
      body.members += json.take();
    }
    ++body.size;
  }
  return body;
}

std::string Serializer::message(const Body& body, Addressing addressing, std::span<const std::string> channels,
                                std::int64_t unix_seconds) const {
  std::string plain = format_ == SerializerFormat::msgpack ? packed_message(body, addressing, channels)
                                                           : json_message(body, addressing, channels);
  return fernet_ ? fernet_->encrypt(plain, unix_seconds) : plain;
}

Result<Arrival> Serializer::read(std::string_view message, std::int64_t unix_seconds) const {
  std::string decrypted;
  if (fernet_) {
    auto plain = fernet_->decrypt(message, unix_seconds, oldest_);
    if (!plain) return plain.error();
    decrypted = std::move(*plain);
    message = decrypted;
  }
  auto unpacked = format_ == SerializerFormat::msgpack ? unpack(message, bytes_) : read_json(message);
  if (!unpacked) return unpacked.error();
  auto event = Event::parse(unpacked->json);
  if (!event) return event.error();
  return Arrival{std::move(*event), std::move(unpacked->channels)};
}

}  // namespace sluice::redis
