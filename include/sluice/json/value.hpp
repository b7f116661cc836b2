// SPDX-License-Identifier: MIT
// A place in a parsed document, for reading. A look-up that finds nothing gives a missing Value, so that look-ups
// chain: `root["rows"].at(0)["id"].as_int()`.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

#include "sluice/abi.hpp"
#include "sluice/json/text.hpp"

namespace sluice::SLUICE_ABI::json {

class Writer;
struct Member;

enum class Kind : std::uint8_t {
  missing,  // no value at all, for instance a key that an object does not have
  null,
  boolean,
  integer,           // written without fraction and exponent, and fits std::int64_t
  unsigned_integer,  // the same, above std::int64_t's largest but within std::uint64_t
  number,            // written with a fraction or an exponent: 1.0, 2e3
  string,
  array,
  object,
};

/// For a message: "an integer", "nothing".
SLUICE_API std::string_view to_string(Kind kind) noexcept;

/// A view of one value in a Document, or missing. As cheap to copy as a string_view, and valid as long as its Document.
/// Immutable: share freely.
class SLUICE_API Value {
 public:
  template <class Item>
  class Sequence;
  using Elements = Sequence<Value>;
  using Members = Sequence<Member>;

  constexpr Value() noexcept = default;  // missing

  Kind kind() const noexcept;
  /// Is there a value? `null` is one.
  explicit operator bool() const noexcept { return tree_ != nullptr; }

  bool is_missing() const noexcept { return tree_ == nullptr; }
  bool is_null() const noexcept { return kind() == Kind::null; }
  bool is_bool() const noexcept { return kind() == Kind::boolean; }
  bool is_integer() const noexcept;  // either kind of integer
  bool is_number() const noexcept;   // any number
  bool is_string() const noexcept { return kind() == Kind::string; }
  bool is_array() const noexcept { return kind() == Kind::array; }
  bool is_object() const noexcept { return kind() == Kind::object; }

  /// The value, if it is of that kind. Integers are what was written as one: neither 1.0 nor true nor "1".
  std::optional<bool> as_bool() const noexcept;
  std::optional<std::int64_t> as_int() const noexcept;
  std::optional<std::uint64_t> as_uint() const noexcept;
  std::optional<std::string_view> as_string() const noexcept;
  /// Any number; an integer beyond 2^53 comes rounded.
  std::optional<double> as_double() const noexcept;

  /// The value of the last member with this key, or missing. Looks at every member.
  Value operator[](std::string_view key) const noexcept;
  Value operator[](std::nullptr_t) const = delete;  // value[0] is no key: use at(0)
  /// The element at this index, or missing. Walks there: use elements() for all of them.
  Value at(std::size_t index) const noexcept;
  /// How many elements, or members with every duplicate counted; 0 for everything else.
  std::size_t size() const noexcept;

  /// `for (json::Value row : value.elements())`; nothing if this is no array.
  Elements elements() const noexcept;
  /// `for (auto [key, value] : value.members())`, in the order and with the duplicates of the text; nothing if this is
  /// no object.
  Members members() const noexcept;

  /// Encoded again, compact. Integers and strings come out exactly, floats keep a fraction or an exponent, so that
  /// 1.0 does not become 1 (behaviour CC-12). Missing gives the empty Text.
  Text to_text() const;
  /// Encoded into the writer, in its style; missing as null.
  void write_to(Writer& writer) const;

 private:
  const void* tree_ = nullptr;  // these two are the parser's own handle of an element
  std::size_t index_ = 0;
};

/// One member of an object; the key lives as long as the Document. A value.
struct Member {
  std::string_view key;
  Value value;
};

/// The elements of an array, or the members of an object. Immutable: share freely.
template <class Item>
class Value::Sequence {
 public:
  class Iterator {
   public:
    using value_type = Item;
    using reference = Item;
    using pointer = void;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using iterator_concept = std::forward_iterator_tag;

    Item operator*() const noexcept;
    Iterator& operator++() noexcept;
    Iterator operator++(int) noexcept {
      Iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const void* tree_ = nullptr;
    std::size_t index_ = 0;
  };

  Sequence(Iterator begin, Iterator end) noexcept : begin_(begin), end_(end) {}
  Iterator begin() const noexcept { return begin_; }
  Iterator end() const noexcept { return end_; }

 private:
  Iterator begin_;
  Iterator end_;
};

template <>
inline Value Value::Elements::Iterator::operator*() const noexcept {
  return std::bit_cast<Value>(*this);
}
template <>
Member Value::Members::Iterator::operator*() const noexcept;
template <>
Value::Elements::Iterator& Value::Elements::Iterator::operator++() noexcept;
template <>
Value::Members::Iterator& Value::Members::Iterator::operator++() noexcept;

}  // namespace sluice::SLUICE_ABI::json
