// SPDX-License-Identifier: MIT
#include "sluice/json/schema.hpp"

#include <algorithm>

namespace sluice::SLUICE_ABI::json {

namespace {

std::string_view type_name(Schema::Kind kind) {
  switch (kind) {
    case Schema::Kind::boolean: return "boolean";
    case Schema::Kind::integer: return "integer";
    case Schema::Kind::number: return "number";
    case Schema::Kind::text:
    case Schema::Kind::constant: return "string";
    case Schema::Kind::array: return "array";
    case Schema::Kind::map:
    case Schema::Kind::object: return "object";
    case Schema::Kind::any:
    case Schema::Kind::any_of: break;
  }
  return {};
}

void write_type(Writer& out, const Schema& schema) {
  out.key("type");
  if (!schema.nullable) {
    out.value(type_name(schema.kind));
  } else {
    out.begin_array().value(type_name(schema.kind)).value("null").end_array();
  }
}

void write_integer(Writer& out, const Schema& schema) {
  if (schema.bits == 0 || schema.bits >= 64) {
    if (schema.bits != 0) out.key("format").value(schema.is_signed ? "int64" : "uint64");
    if (!schema.is_signed) out.key("minimum").value(0);
    return;
  }
  const std::int64_t reach = std::int64_t{1} << (schema.bits - (schema.is_signed ? 1 : 0));
  out.key("minimum").value(schema.is_signed ? -reach : std::int64_t{0}).key("maximum").value(reach - 1);
}

void write_object(Writer& out, const Schema& schema) {
  out.key("properties").begin_object();
  for (const auto& property : schema.properties) write_json_schema(out.key(property.key), property.schema);
  out.end_object().key("required").begin_array();
  for (const auto& property : schema.properties) {
    if (property.required) out.value(property.key);
  }
  out.end_array().key("additionalProperties").value(false);
}

std::string in_double_quotes(std::string_view text) {
  Writer out;
  out.value(text);
  return std::string(out.take_text().view());
}

// A key that is no identifier is in quotes.
std::string key_of(std::string_view key) {
  const auto plain = [](char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const bool identifier = !key.empty() && !(key[0] >= '0' && key[0] <= '9') && std::ranges::all_of(key, plain);
  return identifier ? std::string(key) : in_double_quotes(key);
}

std::string union_of(const std::vector<Schema>& choices) {
  std::string made;
  for (const auto& choice : choices) made += (made.empty() ? "" : " | ") + typescript(choice);
  return made;
}

std::string object_of(const std::vector<Schema::Property>& properties) {
  std::string made;
  for (const auto& property : properties) {
    made += (made.empty() ? "" : "; ") + key_of(property.key) + (property.required ? ": " : "?: ") +
            typescript(property.schema);
  }
  return "{" + made + "}";
}

std::string without_null(const Schema& schema) {
  switch (schema.kind) {
    case Schema::Kind::any: return "unknown";
    case Schema::Kind::boolean: return "boolean";
    case Schema::Kind::integer:
    case Schema::Kind::number: return "number";
    case Schema::Kind::text: return "string";
    case Schema::Kind::constant: return in_double_quotes(schema.constant);
    case Schema::Kind::array: {
      const std::string element = typescript(schema.parts.at(0));
      const Schema& of = schema.parts.at(0);
      const bool is_union = (of.nullable && of.kind != Schema::Kind::any) || of.kind == Schema::Kind::any_of;
      return is_union ? "(" + element + ")[]" : element + "[]";
    }
    case Schema::Kind::map: return "{[key: string]: " + typescript(schema.parts.at(0)) + "}";
    case Schema::Kind::object: return object_of(schema.properties);
    case Schema::Kind::any_of: return union_of(schema.parts);
  }
  return "unknown";
}

}  // namespace

void write_json_schema(Writer& out, const Schema& schema) {
  out.begin_object();
  if (schema.kind == Schema::Kind::any_of) {
    out.key("anyOf").begin_array();
    for (const auto& choice : schema.parts) write_json_schema(out, choice);
    if (schema.nullable) out.begin_object().key("type").value("null").end_object();
    out.end_array();
  } else if (schema.kind != Schema::Kind::any) {
    write_type(out, schema);
  }
  if (schema.kind == Schema::Kind::integer) write_integer(out, schema);
  if (schema.kind == Schema::Kind::constant) out.key("const").value(schema.constant);
  if (schema.kind == Schema::Kind::array) write_json_schema(out.key("items"), schema.parts.at(0));
  if (schema.kind == Schema::Kind::map) write_json_schema(out.key("additionalProperties"), schema.parts.at(0));
  if (schema.kind == Schema::Kind::object) write_object(out, schema);
  out.end_object();
}

std::string typescript(const Schema& schema) {
  const std::string plain = without_null(schema);
  return schema.nullable && schema.kind != Schema::Kind::any ? plain + " | null" : plain;
}

}  // namespace sluice::SLUICE_ABI::json
