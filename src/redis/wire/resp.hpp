// SPDX-License-Identifier: MIT
// Redis's protocol, version 2: commands to bytes, bytes to replies. hiredis does both.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/core/result.hpp"

namespace sluice::SLUICE_ABI::redis {

/// One command. A value.
class Command {
 public:
  Command(std::initializer_list<std::string_view> words) : words_(words.begin(), words.end()) {}

  Command& arg(std::string_view word) {
    words_.emplace_back(word);
    return *this;
  }
  Command& arg(std::int64_t number) { return arg(std::string_view(std::to_string(number))); }

  const std::vector<std::string>& words() const noexcept { return words_; }
  /// Appends it as it goes over the wire.
  void write_to(std::string& out) const;

 private:
  std::vector<std::string> words_;
};

/// One reply. A value.
struct Reply {
  enum class Kind : std::uint8_t { nil, integer, text, error, array };

  Kind kind = Kind::nil;
  std::int64_t integer = 0;
  std::string text;  // of a text, a status or an error
  std::vector<Reply> elements;

  bool is_error() const noexcept { return kind == Kind::error; }
  /// True for an error of this kind, its first word, such as "NOAUTH".
  bool is_error(std::string_view code) const noexcept;
  bool is_array() const noexcept { return kind == Kind::array; }
};

/// Takes bytes as they arrive and returns whole replies. One thread at a time.
class ReplyReader {
 public:
  ReplyReader();
  ~ReplyReader();
  ReplyReader(ReplyReader&&) noexcept;
  ReplyReader& operator=(ReplyReader&&) noexcept;

  void feed(std::string_view bytes);
  /// The next reply; nullopt while it is incomplete. An Error: these bytes are not Redis's protocol, and nothing
  /// further is read.
  Result<std::optional<Reply>> next();

 private:
  struct Reader;
  std::unique_ptr<Reader> reader_;
};

}  // namespace sluice::SLUICE_ABI::redis
