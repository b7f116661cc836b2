// SPDX-License-Identifier: MIT
#include "csv.hpp"

#include <fmt/format.h>

namespace {

/// Walks through the text once, and knows the line it is on.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : rest_(text) {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (rest_.starts_with(byte_order_mark)) rest_.remove_prefix(byte_order_mark.size());
  }

  std::vector<CsvRecord> records() {
    std::vector<CsvRecord> all;
    while (!rest_.empty()) {
      if (skip_line_end()) continue;
      const int line = line_;
      CsvRecord fields = record();
      if (!all.empty() && fields.size() != all.front().size()) {
        throw CsvError(
            fmt::format("line {}: {} fields, the first line has {}", line, fields.size(), all.front().size()));
      }
      all.push_back(std::move(fields));
    }
    return all;
  }

 private:
  CsvRecord record() {
    CsvRecord fields{field()};
    while (!rest_.empty() && !skip_line_end()) {
      if (rest_.front() != ',') throw CsvError(fmt::format("line {}: text behind a closing quote", line_));
      rest_.remove_prefix(1);
      fields.push_back(field());
    }
    return fields;
  }

  std::string field() {
    if (rest_.starts_with('"')) return quoted_field();
    const std::string_view plain = rest_.substr(0, rest_.find_first_of(",\r\n"));
    rest_.remove_prefix(plain.size());
    return std::string(plain);
  }

  std::string quoted_field() {
    const int opened = line_;
    std::string field;
    while (true) {
      rest_.remove_prefix(1);  // the quote that opens, or the second of a pair
      const std::size_t quote = rest_.find('"');
      if (quote == rest_.npos) throw CsvError(fmt::format("line {}: a quote is not closed", opened));
      const std::string_view piece = rest_.substr(0, quote);
      for (const char c : piece) line_ += c == '\n';
      field += piece;
      rest_.remove_prefix(quote + 1);
      if (!rest_.starts_with('"')) return field;
      field += '"';
    }
  }

  bool skip_line_end() {
    const std::size_t bytes = rest_.starts_with("\r\n")                            ? 2
                              : rest_.starts_with('\n') || rest_.starts_with('\r') ? 1
                                                                                   : 0;
    rest_.remove_prefix(bytes);
    line_ += bytes > 0;
    return bytes > 0;
  }

  std::string_view rest_;
  int line_ = 1;
};

}  // namespace

std::vector<CsvRecord> read_csv(std::string_view text) { return CsvReader(text).records(); }

void write_csv_record(const CsvRecord& record, std::string& text) {
  const bool looks_empty = record.size() == 1 && record.front().empty();  // an empty line is no record
  for (std::size_t i = 0; i < record.size(); ++i) {
    const std::string& field = record[i];
    if (i > 0) text += ',';
    if (!looks_empty && field.find_first_of(",\"\r\n") == field.npos) {
      text += field;
      continue;
    }
    text += '"';
    for (const char c : field) text.append(c == '"' ? 2 : 1, c);
    text += '"';
  }
  text += "\r\n";
}
