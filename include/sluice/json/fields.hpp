// SPDX-License-Identifier: MIT
// Describes a struct once, to write it as JSON and to read it.
#pragma once

#include <concepts>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/core/result.hpp"
#include "sluice/json/path.hpp"
#include "sluice/json/text.hpp"
#include "sluice/json/value.hpp"
#include "sluice/json/writer.hpp"

namespace sluice::SLUICE_ABI {

/// A key and the member that holds its value. Immutable: share freely.
template <class Owner, class Type>
struct Field {
  std::string_view key;
  Type Owner::*member;
};

template <class Owner, class Type>
constexpr Field<Owner, Type> field(std::string_view key, Type Owner::*member) noexcept {
  return {key, member};
}

/// What a struct consists of, in the order in which it is written:
///
///   struct RowMoved {
///     static constexpr std::string_view event_type = "row_moved";  // optional: becomes "type", in front
///     std::int64_t row = 0;
///     std::optional<std::string> before;
///     static constexpr auto fields() {
///       return sluice::fields(sluice::field("row", &RowMoved::row), sluice::field("before", &RowMoved::before));
///     }
///   };
///   json::Text text = json::encode(RowMoved{.row = 7});  // {"type":"row_moved","row":7,"before":null}
template <class... Fields>
constexpr std::tuple<Fields...> fields(Fields... list) noexcept {
  return {list...};
}

namespace json {

/// A struct with fields().
template <class T>
concept Described = requires {
  std::tuple_size<decltype(T::fields())>::value;
};

/// A struct that names its event; it may have no fields.
template <class T>
concept EventType = requires {
  { T::event_type } -> std::convertible_to<std::string_view>;
};

/// A foreign type with a `void json_write(json::Writer&, const T&)` beside it, found by its namespace. It writes
/// exactly one value.
template <class T>
concept CustomWritten = requires(Writer& out, const T& value) {
  json_write(out, value);
};

/// The same for reading: `Result<void> json_read(json::Value, T&)`. Its error's context is put behind the path.
template <class T>
concept CustomRead = requires(Value in, T& value) {
  { json_read(in, value) } -> std::same_as<Result<void>>;
};

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
concept Optional = is_optional<T>::value;

template <class T>
struct is_vector : std::false_type {};
template <class T, class Allocator>
struct is_vector<std::vector<T, Allocator>> : std::true_type {};
template <class T>
concept Vector = is_vector<T>::value;

/// std::map, std::unordered_map and their likes, with texts for keys.
template <class T>
concept StringMap = std::same_as<typename T::key_type, std::string> && requires(T map, typename T::mapped_type value) {
  map.insert_or_assign(std::string(), std::move(value));
};

/// A missing key is no error for these: the member keeps its initial value.
template <class T>
concept MayBeMissing = Optional<T> || std::same_as<T, Value> || std::same_as<T, Text>;

template <class T>
inline constexpr bool has_no_json = false;

/// Writes any value that has JSON: bool, integers, float, double, texts, std::optional and json::Value and json::Text
/// (empty is null), std::vector, maps from std::string, types with json_write, structs with fields() or event_type.
template <class T>
void write(Writer& out, const T& value) {
  if constexpr (std::same_as<T, bool> || Integer<T> || std::same_as<T, float> || std::same_as<T, double> ||
                std::same_as<T, Value> || std::same_as<T, Text>) {
    out.value(value);
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    out.value(std::string_view(value));
  } else if constexpr (Optional<T>) {
    if (value) {
      json::write(out, *value);
    } else {
      out.null();
    }
  } else if constexpr (Vector<T>) {
    out.begin_array();
    for (std::size_t i = 0; i < value.size(); ++i) json::write<typename T::value_type>(out, value[i]);
    out.end_array();
  } else if constexpr (StringMap<T>) {
    out.begin_object();
    for (const auto& [key, mapped] : value) {
      out.key(key);
      json::write(out, mapped);
    }
    out.end_object();
  } else if constexpr (CustomWritten<T>) {
    json_write(out, value);
  } else if constexpr (Described<T> || EventType<T>) {
    out.begin_object();
    if constexpr (EventType<T>) out.key("type").value(std::string_view(T::event_type));
    if constexpr (Described<T>) {
      std::apply([&](const auto&... field) { (json::write(out.key(field.key), value.*field.member), ...); },
                 T::fields());
    }
    out.end_object();
  } else {
    static_assert(has_no_json<T>, "give this type fields(), or a json_write beside it");
  }
}

/// Reads what write() writes, into `value`; `path` is where `in` stands, for the error. On an error `value` is valid
/// but in part overwritten.
template <class T>
Result<void> read(Value in, T& value, const Path& path = {}) {
  if constexpr (std::same_as<T, bool>) {
    const auto truth = in.as_bool();
    if (!truth) return path.mismatch("true or false", in);
    value = *truth;
  } else if constexpr (Integer<T>) {
    constexpr T lowest = std::numeric_limits<T>::min();
    constexpr T highest = std::numeric_limits<T>::max();
    const auto number = [&] {
      if constexpr (std::is_signed_v<T>) return in.as_int();
      if constexpr (std::is_unsigned_v<T>) return in.as_uint();
    }();
    if (!number || *number < lowest || *number > highest) return path.not_an_integer_within(lowest, highest, in);
    value = static_cast<T>(*number);
  } else if constexpr (std::same_as<T, double>) {
    const auto number = in.as_double();
    if (!number) return path.mismatch("a number", in);
    value = *number;
  } else if constexpr (std::same_as<T, float>) {
    const auto number = in.as_double();
    if (!number || *number < std::numeric_limits<float>::lowest() || *number > std::numeric_limits<float>::max()) {
      return path.mismatch("a number within the range of a float", in);
    }
    value = static_cast<float>(*number);
  } else if constexpr (std::same_as<T, std::string> || std::same_as<T, std::string_view>) {
    const auto text = in.as_string();
    if (!text) return path.mismatch("a string", in);
    value = *text;
  } else if constexpr (std::same_as<T, Value>) {
    value = in;
  } else if constexpr (std::same_as<T, Text>) {
    value = in.to_text();
  } else if constexpr (Optional<T>) {
    value.reset();
    if (in.is_missing() || in.is_null()) return {};
    return json::read(in, value.emplace(), path);
  } else if constexpr (Vector<T>) {
    if (!in.is_array()) return path.mismatch("an array", in);
    value.clear();  // no reserve: a peer's million zeros must fail at the first, without memory for a million structs
    for (Value element : in.elements()) {
      typename T::value_type read_element{};
      if (auto done = json::read(element, read_element, Path(path, value.size())); !done) return done;
      value.push_back(std::move(read_element));
    }
  } else if constexpr (StringMap<T>) {
    if (!in.is_object()) return path.mismatch("an object", in);
    value.clear();
    for (auto [key, member] : in.members()) {
      typename T::mapped_type mapped{};
      if (auto done = json::read(member, mapped, Path(path, key)); !done) return done;
      value.insert_or_assign(std::string(key), std::move(mapped));
    }
  } else if constexpr (CustomRead<T>) {
    if (auto done = json_read(in, value); !done) return path.within(done.error());
  } else if constexpr (Described<T> || EventType<T>) {
    if (!in.is_object()) return path.mismatch("an object", in);
    if constexpr (Described<T>) {
      Result<void> done;
      const auto read_field = [&]<class Owner, class Type>(const Field<Owner, Type>& field) {
        const Path place(path, field.key);
        const Value member = in[field.key];
        if (!member && MayBeMissing<Type>) return true;
        done = member ? json::read(member, value.*field.member, place) : place.missing();
        return done.has_value();
      };
      std::apply([&](const auto&... field) { (read_field(field) && ...); }, T::fields());
      return done;
    }
  } else {
    static_assert(has_no_json<T>, "give this type fields(), or a json_read beside it");
  }
  return {};
}

/// Encodes any value that write() knows.
template <class T>
Text encode(const T& value, Style style = Style::compact) {
  Writer out(style);
  json::write(out, value);
  return out.take_text();
}

/// Decodes what encode() makes. Keys that are not asked for are ignored, and so is `event_type`: look at "type" first.
/// A std::string_view or json::Value in T looks into the Document. Errors name the place: missing_field
/// `user.name: missing`, type_mismatch `rows[3].id: expected an integer, found a string`.
template <std::default_initializable T>
Result<T> decode(Value in) {
  T value{};
  if (auto done = json::read(in, value); !done) return done.error();
  return value;
}

}  // namespace json
}  // namespace sluice::SLUICE_ABI
