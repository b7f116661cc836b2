// SPDX-License-Identifier: MIT
#include "redis/codec/serializer.hpp"

#include <fmt/format.h>

#include "redis/codec/python_json.hpp"
#include "sluice/json/document.hpp"
#include "sluice/json/writer.hpp"

namespace sluice::SLUICE_ABI::redis {
namespace {

constexpr std::size_t names_size = 1 << 20;
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
  std::string text = "{" + body.bytes;
  if (addressing != Addressing::none) {
    json::Writer out(json::Style::python);
    write_channels(out, addressing, channels);
    text += fmt::format("{}\"{}\": {}", body.entries > 0 ? json_comma : "", channel_key, out.view());
  }
  return text + "}";
}

std::string packed_message(const Body& body, Addressing addressing, std::span<const std::string> channels) {
  std::string packed;
  pack_map_header(body.entries + (addressing == Addressing::none ? 0 : 1), packed);
  packed += body.bytes;
  if (addressing == Addressing::none) return packed;
  pack_text(channel_key, packed);
  if (addressing == Addressing::list) pack_array_header(channels.size(), packed);
  for (const std::string& channel : channels) pack_text(channel, packed);
  return packed;
}

Error too_large(std::size_t most) {
  return Error(ErrorCode::limit_exceeded, fmt::format("message: as JSON it has more than {} bytes", most));
}

// Python's output is longer than JSON needs, as it escapes all that is not ASCII: a message within the bound may be
// three times as long.
Result<Unpacked> read_json(std::string_view text, std::size_t most) {
  auto document = json::Document::parse(text);
  std::string strict;
  if (!document) {
    strict = to_strict_json(text);
    document = json::Document::parse(text = strict);
  }
  if (!document) return document.error();
  if (!document->root().is_object()) return Error(ErrorCode::parse_failed, "message: it is no map");
  const json::Value reserved = document->root()[channel_key];
  if (!reserved && text.size() <= most) return Unpacked{std::string(text), {}};
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
  if (unpacked.json.size() > most) return too_large(most);
  return unpacked;
}

}  // namespace

Serializer::Serializer(const RedisOptions& options, std::chrono::seconds oldest)
    : format_(options.serializer_format), bytes_(options.bytes), most_(options.message_bytes), oldest_(oldest) {
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
      pack_text(key, body.bytes);
      pack(value, bytes_, body.bytes);
    } else {
      if (body.entries > 0) body.bytes += json_comma;
      json.value(key);
      body.bytes += json.take() + ": ";
      json.value(value);
      body.bytes += json.take();
    }
    ++body.entries;
  }
  return body;
}

std::string Serializer::message(const Body& body, Addressing addressing, std::span<const std::string> channels,
                                std::int64_t unix_seconds) const {
  std::string plain = format_ == SerializerFormat::msgpack ? packed_message(body, addressing, channels)
                                                           : json_message(body, addressing, channels);
  return fernet_ ? fernet_->encrypt(plain, unix_seconds) : plain;
}

Result<IncomingMessage> Serializer::read(std::string_view message, std::int64_t unix_seconds) const {
  std::string decrypted;
  if (fernet_) {
    auto plain = fernet_->decrypt(message, unix_seconds, oldest_);
    if (!plain) return plain.error();
    decrypted = std::move(*plain);
    message = decrypted;
  }
  // A message is at most three times its JSON, in whatever format, and the names that it is for.
  if (message.size() > names_size && (message.size() - names_size) / 3 > most_) return too_large(most_);
  auto unpacked = format_ == SerializerFormat::msgpack ? unpack(message, bytes_, most_) : read_json(message, most_);
  if (!unpacked) return unpacked.error();
  auto event = Event::parse(unpacked->json);
  if (!event) return event.error();
  return IncomingMessage{std::move(*event), std::move(unpacked->channels)};
}

}  // namespace sluice::SLUICE_ABI::redis
