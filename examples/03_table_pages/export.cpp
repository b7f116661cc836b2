// SPDX-License-Identifier: MIT
#include "export.hpp"

#include <utility>
#include <vector>

#include "csv.hpp"

namespace {

constexpr int rows_at_once = 200;

struct Lines {
  std::string text;
  std::optional<std::int64_t> last_row;  // nullopt: there are no more
};

Lines lines_after(Database& database, std::int64_t table_id, std::optional<std::int64_t> row_id) {
  Lines lines;
  CsvRecord record;
  if (!row_id) {
    for (Column& column : database.columns(table_id)) record.push_back(std::move(column.name));
    write_csv_record(record, lines.text);
  }
  for (const Row& row : database.rows_after(table_id, row_id.value_or(0), rows_at_once)) {
    record.clear();
    for (const auto& [column, cell] : row.cells) record.push_back(text_of(cell));
    write_csv_record(record, lines.text);
    lines.last_row = row.id;
  }
  return lines;
}

}  // namespace

sluice::Task<std::optional<std::string>> CsvExport::next() {
  if (ended_) co_return std::nullopt;
  auto read = records_.thread.run([&database = records_.database, table_id = table_id_, row_id = last_row_] {
    return lines_after(database, table_id, row_id);
  });
  Lines lines = co_await read;
  last_row_ = lines.last_row;
  ended_ = !lines.last_row;
  co_return std::move(lines.text);
}
