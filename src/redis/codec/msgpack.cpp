// SPDX-License-Identifier: MIT
#include "redis/codec/msgpack.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cmath>
#include <msgpack.hpp>
#include <optional>

#include "core/base64.hpp"
#include "sluice/json/document.hpp"
#include "sluice/json/utf8.hpp"
#include "sluice/json/writer.hpp"

namespace sluice::SLUICE_ABI::redis {
namespace {

constexpr std::string_view bytes_key = "__bytes__";

// The output of msgpack::packer.
struct Sink {
  std::string& out;
  void write(const char* bytes, std::size_t size) { out.append(bytes, size); }
};
using Packer = msgpack::packer<Sink>;

// msgpack-cxx would write 1.0 as the integer 1.
void pack_double(double number, Sink sink) {
  const auto bits = std::bit_cast<std::uint64_t>(number);
  std::array<char, 9> bytes{'\xcb'};
  for (std::size_t i = 1; i < bytes.size(); ++i) bytes[i] = static_cast<char>(bits >> (8 * (8 - i)));
  sink.write(bytes.data(), bytes.size());
}

std::optional<std::string> tagged_bytes(json::Value object) {
  if (object.size() != 1) return std::nullopt;
  const auto text = object[bytes_key].as_string();
  return text ? base64_decode(*text, Base64::standard) : std::nullopt;
}

void put_text(Packer& packer, std::string_view text) {
  packer.pack_str(static_cast<std::uint32_t>(text.size()));
  packer.pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
}

void pack(Packer& packer, Sink sink, json::Value value, Bytes bytes) {
  switch (value.kind()) {
    case json::Kind::missing:
    case json::Kind::null: packer.pack_nil(); return;
    case json::Kind::boolean: *value.as_bool() ? packer.pack_true() : packer.pack_false(); return;
    case json::Kind::integer: packer.pack_int64(*value.as_int()); return;
    case json::Kind::unsigned_integer: packer.pack_uint64(*value.as_uint()); return;
    case json::Kind::number: pack_double(*value.as_double(), sink); return;
    case json::Kind::string: put_text(packer, *value.as_string()); return;
    case json::Kind::array:
      packer.pack_array(static_cast<std::uint32_t>(value.size()));
      for (json::Value element : value.elements()) pack(packer, sink, element, bytes);
      return;
    case json::Kind::object:
      if (bytes == Bytes::tagged) {
        if (const auto raw = tagged_bytes(value)) {
          packer.pack_bin(static_cast<std::uint32_t>(raw->size()));
          packer.pack_bin_body(raw->data(), static_cast<std::uint32_t>(raw->size()));
          return;
        }
      }
      packer.pack_map(static_cast<std::uint32_t>(value.size()));
      for (const auto [key, member] : value.members()) {
        put_text(packer, key);
        pack(packer, sink, member, bytes);
      }
      return;
  }
}

// As Python's json module makes a key of a number.
std::string as_key(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  const std::string text = fmt::format("{}", number);
  return text.find_first_not_of("-0123456789") == text.npos ? text + ".0" : text;
}

// Visits the parts of a MessagePack text in order, and writes JSON. Returning false ends the visit.
class ToJson : public msgpack::null_visitor {
 public:
  ToJson(Bytes bytes, std::size_t most) : bytes_(bytes), most_(most) {}

  bool visit_nil() {
    if (key_) return key("null");
    return plain([](json::Writer& out) { out.null(); });
  }
  bool visit_boolean(bool truth) {
    if (key_) return key(truth ? "true" : "false");
    return plain([&](json::Writer& out) { out.value(truth); });
  }
  bool visit_positive_integer(std::uint64_t number) { return integer(number); }
  bool visit_negative_integer(std::int64_t number) { return integer(number); }
  bool visit_float32(float number) { return visit_float64(number); }
  bool visit_float64(double number) {
    if (key_) return key(as_key(number));
    return plain([&](json::Writer& out) { std::isfinite(number) ? out.value(number) : out.null(); });
  }
  bool visit_str(const char* bytes, std::uint32_t size) {
    const std::string_view text(bytes, size);
    if (!json::is_valid_utf8(text)) return false;
    if (key_) return key(text);
    if (addressing_) {
      channels_.emplace_back(text);
      return true;
    }
    return plain([&](json::Writer& out) { out.value(text); });
  }
  bool visit_bin(const char* bytes, std::uint32_t size) {
    const std::string_view raw(bytes, size);
    if (key_) return json::is_valid_utf8(raw) && key(raw);
    return plain([&](json::Writer& out) {
      const std::string text = base64_encode(raw, Base64::standard);
      if (bytes_ == Bytes::base64) {
        out.value(std::string_view(text));
      } else {
        out.begin_object().key(bytes_key).value(std::string_view(text)).end_object();
      }
    });
  }
  bool visit_ext(const char*, std::uint32_t) { return false; }

  bool start_array(std::uint32_t) {
    if (key_ || depth_ == 0 || !deeper()) return false;
    if (!addressing_) out_.begin_array();
    return true;
  }
  bool end_array() {
    --depth_;
    if (!addressing_) out_.end_array();
    return true;
  }
  bool start_map(std::uint32_t) {
    if (key_ || !deeper()) return false;
    if (!addressing_) out_.begin_object();
    return true;
  }
  bool end_map() {
    --depth_;
    if (!addressing_) out_.end_object();
    return true;
  }
  bool start_map_key() {
    key_ = true;
    return true;
  }
  bool end_map_value() {
    if (depth_ == 1) addressing_ = false;
    return true;
  }

  bool is_too_large() const noexcept { return out_.view().size() > most_; }
  Unpacked take() { return {out_.take(), std::move(channels_)}; }

 private:
  bool deeper() { return ++depth_ <= json::max_depth && !is_too_large(); }

  bool key(std::string_view text) {
    key_ = false;
    if (depth_ == 1 && text == channel_key) {
      addressing_ = true;
    } else if (!addressing_) {
      out_.key(text);
    }
    return !is_too_large();
  }
  bool integer(auto number) {
    if (key_) return key(std::to_string(number));
    return plain([&](json::Writer& out) { out.value(number); });
  }
  // A value that can be no key, and not the whole message.
  bool plain(auto write) {
    if (key_ || depth_ == 0) return false;
    if (!addressing_) write(out_);
    return !is_too_large();
  }

  const Bytes bytes_;
  const std::size_t most_;
  json::Writer out_;
  std::vector<std::string> channels_;
  std::size_t depth_ = 0;
  bool key_ = false;         // the next value is a key
  bool addressing_ = false;  // inside the value of channel_key, which is not written
};

}  // namespace

void pack(json::Value value, Bytes bytes, std::string& out) {
  Sink sink{out};
  Packer packer(sink);
  pack(packer, sink, value, bytes);
}

void pack_map_header(std::size_t size, std::string& out) {
  Sink sink{out};
  Packer(sink).pack_map(static_cast<std::uint32_t>(size));
}

void pack_array_header(std::size_t size, std::string& out) {
  Sink sink{out};
  Packer(sink).pack_array(static_cast<std::uint32_t>(size));
}

void pack_text(std::string_view text, std::string& out) {
  Sink sink{out};
  Packer packer(sink);
  put_text(packer, text);
}

Result<Unpacked> unpack(std::string_view packed, Bytes bytes, std::size_t most) {
  ToJson visitor(bytes, most);
  std::size_t end = 0;
  const bool whole = msgpack::parse(packed.data(), packed.size(), end, visitor);
  if (visitor.is_too_large()) {
    return Error(ErrorCode::limit_exceeded, fmt::format("message: as JSON it has more than {} bytes", most));
  }
  if (!whole || end != packed.size()) {
    return Error(ErrorCode::parse_failed, "message: neither MessagePack nor a map that JSON has words for");
  }
  return visitor.take();
}

}  // namespace sluice::SLUICE_ABI::redis
