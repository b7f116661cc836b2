// SPDX-License-Identifier: MIT
// What JSON a type becomes, as a value: for documents and for the types of other languages. It follows write(), so that
// generated types match the written JSON.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/json/fields.hpp"

namespace sluice::SLUICE_ABI::json {

/// The JSON that is allowed at a place. A value.
struct SLUICE_API Schema {
  enum class Kind : std::uint8_t { any, boolean, integer, number, text, constant, array, map, object, any_of };
  struct Property;

  Kind kind = Kind::any;
  bool nullable = false;  // null is fine, too
  std::uint8_t bits = 0;  // of an integer
  bool is_signed = true;
  std::string constant;              // the text that a constant is
  std::vector<Schema> parts;         // the element of an array or a map; the choices of any_of
  std::vector<Property> properties;  // of an object, in the order in which they are written

  static Schema of(Kind kind);
  static Schema of(Kind kind, Schema part);
};

/// One key of an object.
struct Schema::Property {
  std::string key;
  Schema schema;
  bool required = true;
};

inline Schema Schema::of(Kind kind) {
  Schema made;
  made.kind = kind;
  return made;
}

inline Schema Schema::of(Kind kind, Schema part) {
  Schema made = of(kind);
  made.parts.push_back(std::move(part));
  return made;
}

/// A foreign type with a `json::Schema json_schema(const T*)` in its namespace. A type with json_write and without it
/// is "anything".
template <class T>
concept WithSchema = requires(const T* none) {
  { json_schema(none) } -> std::same_as<Schema>;
};

/// The schema of what write() makes of a T. Every key is there; an empty optional is null.
template <class T>
Schema schema_of() {
  if constexpr (WithSchema<T>) {
    return json_schema(static_cast<const T*>(nullptr));
  } else if constexpr (std::same_as<T, bool>) {
    return Schema::of(Schema::Kind::boolean);
  } else if constexpr (Integer<T>) {
    Schema made = Schema::of(Schema::Kind::integer);
    made.bits = static_cast<std::uint8_t>(sizeof(T) * 8);
    made.is_signed = std::is_signed_v<T>;
    return made;
  } else if constexpr (std::floating_point<T>) {
    return Schema::of(Schema::Kind::number);
  } else if constexpr (std::same_as<T, Value> || std::same_as<T, Text>) {
    return {};
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    return Schema::of(Schema::Kind::text);
  } else if constexpr (Optional<T>) {
    Schema made = schema_of<typename T::value_type>();
    made.nullable = true;
    return made;
  } else if constexpr (Vector<T>) {
    return Schema::of(Schema::Kind::array, schema_of<typename T::value_type>());
  } else if constexpr (StringMap<T>) {
    return Schema::of(Schema::Kind::map, schema_of<typename T::mapped_type>());
  } else if constexpr (CustomWritten<T>) {
    return {};
  } else {
    static_assert(Described<T> || EventType<T>, "give this type fields(), or a json_write and a json_schema beside it");
    Schema made = Schema::of(Schema::Kind::object);
    if constexpr (EventType<T>) {
      Schema type = Schema::of(Schema::Kind::constant);
      type.constant = T::event_type;
      made.properties.push_back({"type", std::move(type)});
    }
    if constexpr (Described<T>) {
      std::apply(
          [&]<class... Types>(const Field<T, Types>&... field) {
            (made.properties.push_back({std::string(field.key), schema_of<Types>()}), ...);
          },
          T::fields());
    }
    return made;
  }
}

/// As JSON Schema: objects are closed, 64-bit integers have the format int64 or uint64. Any thread.
SLUICE_API void write_json_schema(Writer& out, const Schema& schema);
/// As a type of TypeScript: `{type: "row_moved"; row: number; before: string | null}`. Any thread.
SLUICE_API std::string typescript(const Schema& schema);

}  // namespace sluice::SLUICE_ABI::json
