// SPDX-License-Identifier: MIT
#include "sluice/json/document.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

namespace sluice::SLUICE_ABI::json {
namespace {

namespace dom = simdjson::dom;

// A parser keeps about five bytes of scratch memory per byte of the longest text it saw; a longer text gets a parser of
// its own, so that the thread does not keep the memory of one huge message.
constexpr std::size_t longest_pooled = 1 << 20;
constexpr std::size_t smallest_pooled = 4 << 10;

simdjson::error_code parse_with(dom::parser& parser, std::string_view text, dom::document& into) {
  if (parser.capacity() < text.size()) {
    const bool pooled = text.size() <= longest_pooled;
    const std::size_t capacity = pooled ? std::bit_ceil(std::max(text.size(), smallest_pooled)) : text.size();
    if (const auto failed = parser.allocate(capacity, max_depth)) return failed;
  }
  return parser.parse_into_document(into, text.data(), text.size()).error();
}

simdjson::error_code parse_into(dom::document& into, std::string_view text) {
  if (text.size() > longest_pooled) {
    dom::parser own;
    return parse_with(own, text, into);
  }
  thread_local dom::parser pooled;
  return parse_with(pooled, text, into);
}

// simdjson 3.0 calls an integer beyond 64 bits a NUMBER_ERROR like any other, later versions know BIGINT_ERROR too.
template <class Code>
bool is_about_a_number(Code code) {
  if constexpr (requires { Code::BIGINT_ERROR; }) {
    if (code == Code::BIGINT_ERROR) return true;
  }
  return code == Code::NUMBER_ERROR;
}

// The grammar of RFC 8259 section 6.
bool is_number(std::string_view token) {
  const auto accept = [&](std::string_view any_of) {
    const bool there = !token.empty() && any_of.find(token.front()) != any_of.npos;
    if (there) token.remove_prefix(1);
    return there;
  };
  const auto accept_digits = [&] {
    const std::size_t count = std::min(token.find_first_not_of("0123456789"), token.size());
    token.remove_prefix(count);
    return count > 0;
  };

  accept("-");
  if (!accept("0") && !accept_digits()) return false;
  if (accept(".") && !accept_digits()) return false;
  if (accept("eE")) {
    accept("+-");
    if (!accept_digits()) return false;
  }
  return token.empty();
}

// A valid number that the parser refuses because of its size. Up to 18 digits always fit.
bool is_too_large(std::string_view word, dom::document& scratch) {
  if (word.size() <= 18 && word.find_first_of("eE") == word.npos) return false;
  return parse_into(scratch, word) != simdjson::SUCCESS;
}

// The parser reported a number error, which newer versions also do for a stray comma. True if one number is too large
// and all words outside strings are valid JSON.
bool only_a_number_is_too_large(std::string_view text) {
  constexpr std::string_view between = " \t\r\n[]{},:";
  bool found = false;
  dom::document scratch;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(between), text.size()));
    if (text.empty()) return found;
    if (text.front() == '"') {
      std::size_t at = 1;
      while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
      text.remove_prefix(std::min(at + 1, text.size()));
      continue;
    }
    const std::string_view word = text.substr(0, text.find_first_of(" \t\r\n[]{},:\""));
    if (is_number(word)) {
      found = found || is_too_large(word, scratch);
    } else if (word != "true" && word != "false" && word != "null") {
      return false;
    }
    text.remove_prefix(word.size());
  }
}

Error why(simdjson::error_code code, std::string_view text) {
  const auto error = [&](ErrorCode as, std::string_view reason) {
    return Error(as, fmt::format("JSON of {} bytes: {}", text.size(), reason));
  };
  if (code == simdjson::DEPTH_ERROR) {
    return error(ErrorCode::limit_exceeded, fmt::format("nested deeper than {}", max_depth));
  }
  if (code == simdjson::CAPACITY) return error(ErrorCode::limit_exceeded, "too long");
  if (is_about_a_number(code) && only_a_number_is_too_large(text)) {
    return error(ErrorCode::number_too_large, "a number does not fit in 64 bits");
  }
  return error(ErrorCode::parse_failed, simdjson::error_message(code));
}

}  // namespace

struct Document::Tree {
  dom::document document;
  Value root;
};

Document::Document(std::unique_ptr<Tree> tree) noexcept : tree_(std::move(tree)) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

Result<Document> Document::parse(std::string_view text) {
  if (text.empty()) return Error(ErrorCode::parse_failed, "JSON of 0 bytes: there is nothing");
  // RFC 8259 section 8.1 allows to ignore a byte order mark. Newer versions of simdjson skip it, Python refuses it, and
  // so do we.
  if (text.starts_with("\xef\xbb\xbf")) {
    return Error(ErrorCode::parse_failed, fmt::format("JSON of {} bytes: begins with a byte order mark", text.size()));
  }

  auto tree = std::make_unique<Tree>();
  const simdjson::error_code failed = parse_into(tree->document, text);
  if (failed == simdjson::MEMALLOC) throw std::bad_alloc();
  if (failed) return why(failed, text);
  tree->root = std::bit_cast<Value>(tree->document.root());
  return Document(std::move(tree));
}

const Value& Document::root() const noexcept {
  static constexpr Value missing;
  return tree_ ? tree_->root : missing;
}

// The tape has 8 bytes for each of the text, the strings take up to 5/3.
std::size_t Document::memory() const noexcept { return tree_ ? tree_->document.capacity() * 29 / 3 : 0; }

}  // namespace sluice::SLUICE_ABI::json
