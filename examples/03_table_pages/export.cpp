// SPDX-License-Identifier: MIT
#include "export.hpp"

#include <iterator>
#include <stdexcept>
#include <utility>
#include <vector>

#include "csv.hpp"

namespace {

constexpr int rows_at_once = 50;
constexpr std::size_t piece_bytes = 64 * 1024;  // a piece ends with the row that passes this

struct Lines {
  std::string text;
  std::optional<std::int64_t> last_row;  // nullopt: there are no more
};

Lines lines_after(Database& database, std::int64_t account_id, std::int64_t table_id,
                  std::optional<std::int64_t> row_id) {
  if (!database.may_see(account_id, table_id)) throw std::runtime_error("the table is not shared with them any more");
  Lines lines;
  CsvRecord record;
  if (!row_id) {
    for (Column& column : database.columns(table_id)) record.push_back(std::move(column.name));
    write_csv_record(record, lines.text);
  }
  const std::vector<Row> rows = database.rows_after(table_id, row_id.value_or(0), rows_at_once);
  for (const Row& row : rows) {
    record.clear();
    for (const auto& [column, cell] : row.cells) record.push_back(text_of(cell));
    write_csv_record(record, lines.text);
    lines.last_row = row.id;
    if (lines.text.size() >= piece_bytes) return lines;
  }
  if (std::ssize(rows) < rows_at_once) lines.last_row.reset();
  return lines;
}

}  // namespace

sluice::Task<std::optional<std::string>> CsvExport::next() {
  if (ended_) co_return std::nullopt;
  auto read = records_.thread.run([&database = records_.database, account_id = account_id_, table_id = table_id_,
                                   row_id = last_row_] { return lines_after(database, account_id, table_id, row_id); });
  Lines lines = co_await read;
  last_row_ = lines.last_row;
  ended_ = !lines.last_row;
  co_return std::move(lines.text);
}
