// SPDX-License-Identifier: MIT
#include "core/base64.hpp"

#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"

using namespace sluice;

TEST_CASE("bytes have one spelling in each kind of Base64", "[core]") {
  struct Row {
    std::string bytes, standard, url, not_padded;
  };
  const std::vector<Row> table = {
      {"", "", "", ""},
      {"f", "Zg==", "Zg==", "Zg"},
      {"fo", "Zm8=", "Zm8=", "Zm8"},
      {"foo", "Zm9v", "Zm9v", "Zm9v"},
      {"foob", "Zm9vYg==", "Zm9vYg==", "Zm9vYg"},
      {"\xff\xff", "//8=", "__8=", "__8"},
      {"\xfb\xff\xfe", "+//+", "-__-", "-__-"},
      {std::string(1, '\0'), "AA==", "AA==", "AA"},
  };
  for (const Row& row : table) {
    CAPTURE(row.standard);
    CHECK(base64_encode(row.bytes, Base64::standard) == row.standard);
    CHECK(base64_encode(row.bytes, Base64::url) == row.url);
    CHECK(base64_encode(row.bytes, Base64::url_not_padded) == row.not_padded);
    CHECK(base64_decode(row.standard, Base64::standard) == row.bytes);
    CHECK(base64_decode(row.url, Base64::url) == row.bytes);
    CHECK(base64_decode(row.not_padded, Base64::url_not_padded) == row.bytes);
  }
}

TEST_CASE("no other spelling of Base64 is read", "[core]") {
  for (const char* text : {"Zg", "Zg=", "Zh==", "Zm9=", "Zg== ", " Zg==", "Z===", "====", "Zm9v=", "AAAA====",
                           "Zg==Zg==", "Zm 9v", "Zm9v\n", "-__-"}) {
    CAPTURE(text);
    CHECK_FALSE(base64_decode(text, Base64::standard));
  }
  for (const std::string text :
       {"Z", "Zm9vY", "Zh", "Zm9", "Zg==", "Zm8=", "+/+/", "Zm 9v", "Zm9v\n", "Zm\xc3\xa4", ".", "="}) {
    CAPTURE(text);
    CHECK_FALSE(base64_decode(text, Base64::url_not_padded));
  }
}
