// SPDX-License-Identifier: MIT
#include "03_table_pages/csv.cpp"

#include <random>

#include "support/catch.hpp"

namespace {

using Records = std::vector<CsvRecord>;

std::string failure(std::string_view text) {
  try {
    read_csv(text);
  } catch (const CsvError& error) {
    return error.what();
  }
  return "";
}

std::string written(const Records& records, std::string_view line_end) {
  std::string text;
  for (const CsvRecord& record : records) {
    for (std::size_t i = 0; i < record.size(); ++i) {
      if (i > 0) text += ',';
      text += '"';
      for (const char c : record[i]) text += c == '"' ? std::string("\"\"") : std::string(1, c);
      text += '"';
    }
    text += line_end;
  }
  return text;
}

}  // namespace

TEST_CASE("CSV is read as RFC 4180 describes it", "[examples]") {
  CHECK(read_csv("") == Records{});
  CHECK(read_csv("\r\n\n") == Records{});
  CHECK(read_csv("a") == Records{{"a"}});
  CHECK(read_csv("a,b\nc,d") == Records{{"a", "b"}, {"c", "d"}});
  CHECK(read_csv("a,b\r\nc,d\r\n") == Records{{"a", "b"}, {"c", "d"}});
  CHECK(read_csv("a,b\rc,d\r") == Records{{"a", "b"}, {"c", "d"}});
  CHECK(read_csv(",\n\n,") == Records{{"", ""}, {"", ""}});
  CHECK(read_csv("\xef\xbb\xbf"
                 "a\n") == Records{{"a"}});
  CHECK(read_csv("\"a,b\",\"\"\n\"c\r\nd\",\"e\"\"f\"\"\"") == Records{{"a,b", ""}, {"c\r\nd", "e\"f\""}});
  CHECK(read_csv("a\"b, c\n") == Records{{"a\"b", " c"}});
}

TEST_CASE("malformed CSV is refused with its line", "[examples]") {
  CHECK(failure("a,b\nc\n") == "line 2: 1 fields, the first line has 2");
  CHECK(failure("a\n\"b\nb\"\nc,d") == "line 4: 2 fields, the first line has 1");
  CHECK(failure("a\n\n\"b") == "line 3: a quote is not closed");
  CHECK(failure("\"a\"\"") == "line 1: a quote is not closed");
  CHECK(failure("\"") == "line 1: a quote is not closed");
  CHECK(failure("\"a\"b") == "line 1: text behind a closing quote");
}

TEST_CASE("whatever is written as CSV is read again", "[examples]") {
  std::mt19937 random(7);
  constexpr std::string_view letters = "ab,\"\r\n ";
  for (int round = 0; round < 2000; ++round) {
    Records records(1 + random() % 4, CsvRecord(1 + random() % 4));
    for (CsvRecord& record : records) {
      for (std::string& field : record) {
        for (auto length = random() % 6; length > 0; --length) field += letters[random() % letters.size()];
      }
    }
    for (const std::string_view line_end : {"\n", "\r\n"}) CHECK(read_csv(written(records, line_end)) == records);
    std::string text;
    for (const CsvRecord& record : records) write_csv_record(record, text);
    CHECK(read_csv(text) == records);
  }
}

TEST_CASE("fields are quoted only where they must be", "[examples]") {
  std::string text;
  write_csv_record({"plain", "", "a,b", "c\"d", "e\nf", " g"}, text);
  write_csv_record({""}, text);
  CHECK(text == "plain,,\"a,b\",\"c\"\"d\",\"e\nf\", g\r\n\"\"\r\n");
}
