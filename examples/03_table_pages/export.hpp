// SPDX-License-Identifier: MIT
// A table as a CSV file, read from the database while it is sent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pages.hpp"
#include "sluice/transport/http.hpp"

/// Some rows at a time: when the client has taken them, the database's thread is asked for the next, and whether the
/// account may still see the table. Each piece is a transaction of its own, so a row that changes meanwhile is written
/// as it was when its piece was read. Cells are written as they are: a spreadsheet may take one that begins with "="
/// for a formula.
class CsvExport final : public sluice::HttpBody {
 public:
  CsvExport(Records records, std::int64_t account_id, std::int64_t table_id)
      : records_(records), account_id_(account_id), table_id_(table_id) {}
  sluice::Task<std::optional<std::string>> next() override;

 private:
  Records records_;
  std::int64_t account_id_;
  std::int64_t table_id_;
  std::optional<std::int64_t> last_row_;  // the last that was sent; nullopt: not even the names of the columns were
  bool ended_ = false;
};
