// SPDX-License-Identifier: MIT
// Comma-separated values, as RFC 4180 describes them.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using CsvRecord = std::vector<std::string>;

/// No CSV. The message names the line.
class CsvError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Reads all records, the header among them. Fields may be quoted, with `""` for a quote, and then hold commas and line
/// breaks; lines end in LF or CRLF; empty lines and a byte order mark in front are skipped. Throws CsvError for a quote
/// that is not closed, text behind a closing quote, and a record with more or fewer fields than the first.
std::vector<CsvRecord> read_csv(std::string_view text);

/// Adds the record as a line that read_csv reads again: fields are quoted where they must be, the line ends in CRLF.
void write_csv_record(const CsvRecord& record, std::string& text);
