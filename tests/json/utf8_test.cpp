// SPDX-License-Identifier: MIT
#include "sluice/json/utf8.hpp"

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"

using namespace sluice;
using json::is_valid_utf8;
using json::Utf8Validator;

namespace {

// Fed byte by byte: how many bytes were taken before the one that was refused, and whether the text may end there.
struct Verdict {
  std::size_t taken = 0;
  bool refused = false;
  bool complete = false;

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

Verdict byte_by_byte(std::string_view text) {
  Utf8Validator validator;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!validator.feed(text.substr(i, 1))) return {i, true, validator.at_boundary()};
  }
  return {text.size(), false, validator.at_boundary()};
}

bool in_pieces(std::string_view text, std::size_t cut) {
  Utf8Validator validator;
  return validator.feed(text.substr(0, cut)) && validator.feed(text.substr(cut)) && validator.at_boundary();
}

void agree_however_cut(const std::string& text) {
  CAPTURE(text);
  const bool valid = is_valid_utf8(text);
  const Verdict verdict = byte_by_byte(text);
  CHECK((!verdict.refused && verdict.complete) == valid);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    if (in_pieces(text, cut) != valid) FAIL("cut at " << cut);
  }
}

}  // namespace

TEST_CASE("the first and the last character of each length are valid", "[json][utf8]") {
  for (const std::string_view text :
       {std::string_view("\0", 1), std::string_view("\x7f"), std::string_view("\xc2\x80"), std::string_view("\xdf\xbf"),
        std::string_view("\xe0\xa0\x80"), std::string_view("\xef\xbf\xbf"), std::string_view("\xf0\x90\x80\x80"),
        std::string_view("\xf4\x8f\xbf\xbf"),
        // around the surrogates, and the non-characters, which are characters as far as UTF-8 goes
        std::string_view("\xed\x9f\xbf"), std::string_view("\xee\x80\x80"), std::string_view("\xef\xbf\xbe"),
        std::string_view("\xf0\x9f\xbf\xbf"), std::string_view("\xef\xbb\xbf")}) {
    CHECK(is_valid_utf8(text));
    agree_however_cut(std::string(text));
    agree_however_cut("before " + std::string(text) + " behind");
  }
  CHECK(is_valid_utf8(""));
  CHECK(is_valid_utf8(std::string_view()));
}

TEST_CASE("invalid UTF-8 is refused at the first byte that proves it", "[json][utf8]") {
  struct Case {
    std::string_view text;
    std::size_t taken;
  };
  const auto broken = GENERATE(values<Case>({
      {"\x80", 0},              // continuation without a lead
      {"\xbf", 0},              //
      {"\xc0\x80", 0},          // overlong, and recognisable by the lead alone
      {"\xc1\xbf", 0},          //
      {"\xe0\x80\x80", 1},      // overlong
      {"\xe0\x9f\xbf", 1},      //
      {"\xf0\x80\x80\x80", 1},  //
      {"\xf0\x8f\xbf\xbf", 1},  //
      {"\xed\xa0\x80", 1},      // surrogates
      {"\xed\xbf\xbf", 1},      //
      {"\xf4\x90\x80\x80", 1},  // beyond U+10FFFF
      {"\xf5\x80\x80\x80", 0},  //
      {"\xf8\x88\x80\x80\x80", 0},
      {"\xfc\x84\x80\x80\x80\x80", 0},
      {"\xfe", 0},
      {"\xff", 0},
      {"\xc3\x28", 1},  // cut short by another character
      {"\xc3\xc3", 1},
      {"\xe2\x82\x28", 2},
      {"\xe2\x28\xa1", 1},
      {"\xf0\x9f\x98\x28", 3},
      {"\xf0\x9f\x28\x80", 2},
      {"\xf0\x28\x98\x80", 1},
      {"\xc3\xa9\xa9", 2},
      {"\xf0\x9f\x98\x80\x80", 4},
  }));
  CHECK_FALSE(is_valid_utf8(broken.text));
  CHECK(byte_by_byte(broken.text) == Verdict{broken.taken, true, false});
  agree_however_cut(std::string(broken.text));

  // The same in the middle of much text, in one piece up to the proof.
  const std::string before(100, 'x');
  Utf8Validator validator;
  CHECK(validator.feed(before + std::string(broken.text.substr(0, broken.taken))));
  CHECK_FALSE(validator.feed(broken.text.substr(broken.taken, 1)));
  validator.reset();
  CHECK_FALSE(validator.feed(before + std::string(broken.text.substr(0, broken.taken + 1))));
}

TEST_CASE("any two bytes have the same verdict in one piece and in two", "[json][utf8]") {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      for (const std::string_view rest : {"", "\x80", "\x80\x80"}) {
        const std::string text = std::string{static_cast<char>(first), static_cast<char>(second)} + std::string(rest);
        const Verdict verdict = byte_by_byte(text);
        if ((!verdict.refused && verdict.complete) != is_valid_utf8(text)) FAIL(first << " " << second);
      }
    }
  }
}

TEST_CASE("a text that ends inside a character is neither refused nor complete", "[json][utf8]") {
  for (const std::string_view text :
       {"\xc3", "\xe2", "\xe2\x82", "\xf0", "\xf0\x9f", "\xf0\x9f\x98", "abc\xf4\x8f\xbf"}) {
    CHECK(byte_by_byte(text) == Verdict{text.size(), false, false});
    Utf8Validator validator;
    CHECK(validator.feed(text));
    CHECK_FALSE(validator.at_boundary());
    CHECK_FALSE(is_valid_utf8(text));
  }
}

TEST_CASE("a refusal lasts until reset", "[json][utf8]") {
  Utf8Validator validator;
  CHECK(validator.at_boundary());
  CHECK_FALSE(validator.feed("\xff"));
  CHECK_FALSE(validator.feed("abc"));
  CHECK_FALSE(validator.feed(""));
  CHECK_FALSE(validator.at_boundary());
  validator.reset();
  CHECK(validator.feed("abc"));
  CHECK(validator.at_boundary());
}

TEST_CASE("an empty piece changes nothing, also inside a character", "[json][utf8]") {
  Utf8Validator validator;
  CHECK(validator.feed(""));
  CHECK(validator.at_boundary());
  CHECK(validator.feed("\xe2\x82"));
  CHECK(validator.feed(std::string_view()));
  CHECK_FALSE(validator.at_boundary());
  CHECK(validator.feed("\xac"));
  CHECK(validator.at_boundary());
}

TEST_CASE("random texts have the same verdict, however they are cut", "[json][utf8]") {
  const std::vector<std::string> pieces = {"a",
                                           "hello",
                                           "\xc3\xa9",
                                           "\xe2\x82\xac",
                                           "\xf0\x9f\x98\x80",
                                           "\xed\x9f\xbf",
                                           "\xf4\x8f\xbf\xbf",
                                           std::string(70, 'x')};
  std::mt19937 random(5);
  for (int i = 0; i < 2'000; ++i) {
    std::string text;
    for (auto count = random() % 12; count > 0; --count) text += pieces[random() % pieces.size()];
    if (!text.empty() && random() % 2) text[random() % text.size()] = static_cast<char>(random());
    if (!text.empty() && random() % 4 == 0) text.resize(random() % text.size());

    const bool valid = is_valid_utf8(text);
    Utf8Validator validator;
    bool accepted = true;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t length = 1 + random() % 30;
      accepted = accepted && validator.feed(std::string_view(text).substr(at, length));
      at += length;
    }
    CAPTURE(i, text);
    REQUIRE((accepted && validator.at_boundary()) == valid);
    const Verdict verdict = byte_by_byte(text);
    REQUIRE((!verdict.refused && verdict.complete) == valid);
  }
}

TEST_CASE("the validator is small enough for every connection", "[json][utf8]") {
  STATIC_REQUIRE(sizeof(Utf8Validator) <= 4);
}
