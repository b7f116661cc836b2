// SPDX-License-Identifier: MIT
#include "sluice/json/value.hpp"

#include <simdjson.h>

#include <type_traits>

#include "sluice/json/writer.hpp"

namespace sluice::SLUICE_ABI::json {
namespace {

namespace dom = simdjson::dom;

// A Value is simdjson's element under another name, and its iterators are simdjson's: a pointer to the document and an
// index there. So no public header needs simdjson, and nothing is copied or counted.
template <class A, class B>
constexpr bool same_bits =
    sizeof(A) == sizeof(B) &&
    alignof(A) == alignof(B) && std::is_trivially_copyable_v<A>&& std::is_trivially_copyable_v<B>;
static_assert(same_bits<Value, dom::element>);
static_assert(same_bits<Value::Elements::Iterator, dom::array::iterator>);
static_assert(same_bits<Value::Members::Iterator, dom::object::iterator>);

dom::element element_of(Value value) { return std::bit_cast<dom::element>(value); }

// simdjson counts in 24 bits and stays at the top.
constexpr std::size_t countless = 0xffffff;

template <class T>
std::optional<T> if_is(Value value) {
  if (value.is_missing()) return std::nullopt;
  T read;
  if (element_of(value).get(read) != simdjson::SUCCESS) return std::nullopt;
  return read;
}

template <class Container>
std::size_t size_of(const Container& container) {
  const std::size_t counted = container.size();
  if (counted < countless) return counted;
  std::size_t walked = 0;
  for (auto at = container.begin(); at != container.end(); ++at) ++walked;
  return walked;
}

}  // namespace

std::string_view to_string(Kind kind) noexcept {
  switch (kind) {
    case Kind::missing: return "nothing";
    case Kind::null: return "null";
    case Kind::boolean: return "a boolean";
    case Kind::integer: return "an integer";
    case Kind::unsigned_integer: return "a large integer";
    case Kind::number: return "a number with a fraction or exponent";
    case Kind::string: return "a string";
    case Kind::array: return "an array";
    case Kind::object: return "an object";
  }
  return "nothing";
}

Kind Value::kind() const noexcept {
  if (is_missing()) return Kind::missing;
  switch (element_of(*this).type()) {
    case dom::element_type::ARRAY: return Kind::array;
    case dom::element_type::OBJECT: return Kind::object;
    case dom::element_type::INT64: return Kind::integer;
    case dom::element_type::UINT64: return Kind::unsigned_integer;
    case dom::element_type::DOUBLE: return Kind::number;
    case dom::element_type::STRING: return Kind::string;
    case dom::element_type::BOOL: return Kind::boolean;
    case dom::element_type::NULL_VALUE: return Kind::null;
  }
  return Kind::missing;
}

bool Value::is_integer() const noexcept {
  const Kind is = kind();
  return is == Kind::integer || is == Kind::unsigned_integer;
}

bool Value::is_number() const noexcept { return is_integer() || kind() == Kind::number; }

std::optional<bool> Value::as_bool() const noexcept { return if_is<bool>(*this); }
std::optional<std::int64_t> Value::as_int() const noexcept { return if_is<std::int64_t>(*this); }
std::optional<std::uint64_t> Value::as_uint() const noexcept { return if_is<std::uint64_t>(*this); }
std::optional<double> Value::as_double() const noexcept { return if_is<double>(*this); }
std::optional<std::string_view> Value::as_string() const noexcept { return if_is<std::string_view>(*this); }

Value Value::operator[](std::string_view key) const noexcept {
  const auto object = if_is<dom::object>(*this);
  if (!object) return {};
  Value last;
  for (auto at = object->begin(); at != object->end(); ++at) {
    if (at.key_equals(key)) last = std::bit_cast<Value>(at.value());
  }
  return last;
}

Value Value::at(std::size_t index) const noexcept {
  for (Value element : elements()) {
    if (index-- == 0) return element;
  }
  return {};
}

std::size_t Value::size() const noexcept {
  if (const auto array = if_is<dom::array>(*this)) return size_of(*array);
  if (const auto object = if_is<dom::object>(*this)) return size_of(*object);
  return 0;
}

Value::Elements Value::elements() const noexcept {
  const auto array = if_is<dom::array>(*this);
  if (!array) return {{}, {}};
  return {std::bit_cast<Elements::Iterator>(array->begin()), std::bit_cast<Elements::Iterator>(array->end())};
}

template <>
Value::Elements::Iterator& Value::Elements::Iterator::operator++() noexcept {
  auto at = std::bit_cast<dom::array::iterator>(*this);
  return *this = std::bit_cast<Iterator>(++at);
}

Value::Members Value::members() const noexcept {
  const auto object = if_is<dom::object>(*this);
  if (!object) return {{}, {}};
  return {std::bit_cast<Members::Iterator>(object->begin()), std::bit_cast<Members::Iterator>(object->end())};
}

template <>
Member Value::Members::Iterator::operator*() const noexcept {
  const auto at = std::bit_cast<dom::object::iterator>(*this);
  return {at.key(), std::bit_cast<Value>(at.value())};
}

template <>
Value::Members::Iterator& Value::Members::Iterator::operator++() noexcept {
  auto at = std::bit_cast<dom::object::iterator>(*this);
  return *this = std::bit_cast<Iterator>(++at);
}

Text Value::to_text() const {
  if (is_missing()) return {};
  Writer out;
  write_to(out);
  return out.take_text();
}

// Recursive, but never deeper than max_depth.
void Value::write_to(Writer& writer) const {
  switch (kind()) {
    case Kind::missing:
    case Kind::null: writer.null(); return;
    case Kind::boolean: writer.value(*as_bool()); return;
    case Kind::integer: writer.value(*as_int()); return;
    case Kind::unsigned_integer: writer.value(*as_uint()); return;
    case Kind::number: writer.value(*as_double()); return;
    case Kind::string: writer.value(*as_string()); return;
    case Kind::array:
      writer.begin_array();
      for (Value element : elements()) element.write_to(writer);
      writer.end_array();
      return;
    case Kind::object:
      writer.begin_object();
      for (auto [key, value] : members()) value.write_to(writer.key(key));
      writer.end_object();
      return;
  }
}

}  // namespace sluice::SLUICE_ABI::json
