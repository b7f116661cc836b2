// SPDX-License-Identifier: MIT
// What the program knows: users, one table of cells, who may see it, its views and its dashboard.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "csv.hpp"
#include "sqlite.hpp"

struct Account {
  std::int64_t id = 0;
  std::string name;
  bool admin = false;
};

struct Column {
  std::int64_t id = 0;
  std::string name;
};

struct Row {
  std::int64_t id = 0;
  std::int64_t version = 0;                         // grows with every change: of two states the newer one counts
  std::vector<std::pair<std::string, Cell>> cells;  // by column name, in the columns' order
};

struct Table {
  std::int64_t id = 0;
  std::string name;
  std::int64_t owner_id = 0;
  std::vector<std::int64_t> shared_with;
  std::vector<Column> columns;
  std::vector<Row> rows;
};

/// A table as it is shown to others: some columns hidden, and perhaps to everybody.
struct View {
  std::string slug;
  std::int64_t table_id = 0;
  bool is_public = false;
  bool is_form = false;  // a form collects rows and shows none, so it has nothing to tell live
};

struct Dashboard {
  std::int64_t id = 0;
  std::int64_t table_id = 0;
  std::int64_t rows = 0;
  std::int64_t changes = 0;  // since the table was made
};

/// As a person would write it; empty for nothing.
std::string text_of(const Cell& cell);

using NewCells = std::vector<std::pair<std::int64_t, Cell>>;  // by column id

/// The rows of a view say nothing of the columns it hides; this is the view that hides none.
inline constexpr std::string_view whole_table;

/// Throws SqliteError when SQLite does. Every call is one transaction. One thread at a time: here a WorkerPool of one.
class Database {
 public:
  explicit Database(const std::string& file);

  /// Makes table 1 of these records, the first being the column names, with the demo's users, views and dashboard. A
  /// column called "Notes" is hidden from the public view. Does nothing if there is a table 1 already.
  void fill(std::string_view name, const std::vector<CsvRecord>& records);

  std::vector<Account> accounts();
  std::optional<Account> account(std::int64_t user_id);

  bool may_see(std::int64_t user_id, std::int64_t table_id);
  bool owns(std::int64_t user_id, std::int64_t table_id);
  bool has_table(std::int64_t table_id);
  bool has_row(std::int64_t table_id, std::int64_t row_id);
  std::optional<View> view(std::string_view slug);
  std::vector<View> views(std::int64_t table_id);
  std::optional<Dashboard> dashboard(std::int64_t dashboard_id);
  std::vector<Dashboard> dashboards(std::int64_t table_id);

  /// A table that exists.
  Table table(std::int64_t table_id, std::string_view view_slug = whole_table);
  std::vector<Column> columns(std::int64_t table_id, std::string_view view_slug = whole_table);
  /// The next rows behind this one, `most` of them at the most, in the order of their ids.
  std::vector<Row> rows_after(std::int64_t table_id, std::int64_t row_id, int most);
  std::optional<Row> row(std::int64_t table_id, std::int64_t row_id, std::string_view view_slug = whole_table);

  std::int64_t add_row(std::int64_t table_id, const NewCells& cells);
  void change_row(std::int64_t table_id, std::int64_t row_id, const NewCells& cells);
  void delete_row(std::int64_t table_id, std::int64_t row_id);

  /// False: it was so before.
  bool share(std::int64_t table_id, std::int64_t user_id);
  bool revoke(std::int64_t table_id, std::int64_t user_id);

 private:
  std::vector<Row> rows(std::int64_t table_id, std::optional<std::int64_t> row_id, std::string_view view_slug);
  void write_cells(std::int64_t table_id, std::int64_t row_id, const NewCells& cells);

  Sqlite sqlite_;
};
