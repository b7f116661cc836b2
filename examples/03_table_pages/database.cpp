// SPDX-License-Identifier: MIT
#include "database.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace {

constexpr const char* schema = R"(
  PRAGMA foreign_keys = ON;
  CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, admin INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE IF NOT EXISTS tables (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, owner_id INTEGER NOT NULL REFERENCES users,
    changes INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE IF NOT EXISTS shares (
    table_id INTEGER NOT NULL REFERENCES tables, user_id INTEGER NOT NULL REFERENCES users,
    PRIMARY KEY (table_id, user_id)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS columns (
    id INTEGER PRIMARY KEY, table_id INTEGER NOT NULL REFERENCES tables, name TEXT NOT NULL,
    UNIQUE (table_id, name));
  CREATE TABLE IF NOT EXISTS rows (
    id INTEGER PRIMARY KEY AUTOINCREMENT, table_id INTEGER NOT NULL REFERENCES tables,
    version INTEGER NOT NULL DEFAULT 0);
  CREATE INDEX IF NOT EXISTS rows_of_table ON rows (table_id, id);
  CREATE TABLE IF NOT EXISTS cells (
    row_id INTEGER NOT NULL REFERENCES rows ON DELETE CASCADE, column_id INTEGER NOT NULL REFERENCES columns,
    value, PRIMARY KEY (row_id, column_id)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS views (
    slug TEXT PRIMARY KEY, table_id INTEGER NOT NULL REFERENCES tables, is_public INTEGER NOT NULL,
    is_form INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS hidden_columns (
    slug TEXT NOT NULL REFERENCES views, column_id INTEGER NOT NULL REFERENCES columns,
    PRIMARY KEY (slug, column_id)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS dashboards (
    id INTEGER PRIMARY KEY, table_id INTEGER NOT NULL REFERENCES tables);
)";

constexpr const char* demo_users = R"(
  INSERT INTO users (id, name, admin) VALUES (1, 'ada', 1), (2, 'ben', 0), (3, 'cleo', 0);
)";

constexpr const char* demo_rules = R"(
  INSERT INTO shares (table_id, user_id) VALUES (1, 2);
  INSERT INTO views (slug, table_id, is_public, is_form)
    VALUES ('public', 1, 1, 0), ('private', 1, 0, 0), ('form', 1, 1, 1);
  INSERT INTO hidden_columns (slug, column_id) SELECT 'public', id FROM columns
    WHERE name = 'Notes' AND (SELECT count(*) FROM columns) > 1;
  INSERT INTO dashboards (id, table_id) VALUES (1, 1);
)";

/// "42" and "4.2" become numbers; what would not be written the same again, "007" say, stays a text.
Cell cell_of(const std::string& field) {
  if (field.empty()) return {};
  const char* end = field.data() + field.size();
  std::int64_t whole = 0;
  if (const auto read = std::from_chars(field.data(), end, whole); read.ec == std::errc{} && read.ptr == end) {
    if (std::to_string(whole) == field) return whole;
    return field;
  }
  double number = 0;
  if (const auto read = std::from_chars(field.data(), end, number); read.ec == std::errc{} && read.ptr == end) {
    std::array<char, 32> again;
    const auto written = std::to_chars(again.data(), again.data() + again.size(), number);
    if (std::isfinite(number) && std::string_view(again.data(), written.ptr) == field) return number;
  }
  return field;
}

// Rows by id, each with its cells by column: id, version, the column's name, the value.
std::vector<Row> rows_in(Statement found) {
  std::vector<Row> all;
  while (found.step()) {
    const std::int64_t id = found.integer(0);
    if (all.empty() || all.back().id != id) all.push_back({id, found.integer(1), {}});
    all.back().cells.emplace_back(found.text(2), found.cell(3));
  }
  return all;
}

View view_at(const Statement& found) {
  return {found.text(0), found.integer(1), found.integer(2) != 0, found.integer(3) != 0};
}

Dashboard dashboard_at(const Statement& found) {
  return {found.integer(0), found.integer(1), found.integer(2), found.integer(3)};
}

}  // namespace

std::string text_of(const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  std::array<char, 32> digits;
  char* end = digits.data();
  if (const auto* whole = std::get_if<std::int64_t>(&cell)) {
    end = std::to_chars(digits.data(), digits.data() + digits.size(), *whole).ptr;
  } else if (const auto* number = std::get_if<double>(&cell)) {
    end = std::to_chars(digits.data(), digits.data() + digits.size(), *number).ptr;
  }
  return std::string(digits.data(), end);
}

Database::Database(const std::string& file) : sqlite_(file) { sqlite_.script(schema); }

void Database::fill(std::string_view name, const std::vector<CsvRecord>& records) {
  if (has_table(1)) return;
  if (records.empty()) throw CsvError("no first line with the names of the columns");
  Transaction transaction(sqlite_);
  sqlite_.script(demo_users);
  sqlite_.change("INSERT INTO tables (id, name, owner_id) VALUES (1, ?, 1)", name);
  std::vector<std::int64_t> column_ids;
  for (const std::string& column : records.front()) {
    const std::string title = column.empty() ? "Column " + std::to_string(column_ids.size() + 1) : column;
    if (sqlite_.change("INSERT OR IGNORE INTO columns (table_id, name) VALUES (1, ?)", title) == 0) {
      throw CsvError("two columns are called \"" + title + "\"");
    }
    column_ids.push_back(sqlite_.last_id());
  }
  for (auto record = records.begin() + 1; record != records.end(); ++record) {
    sqlite_.change("INSERT INTO rows (table_id) VALUES (1)");
    const std::int64_t row_id = sqlite_.last_id();
    for (std::size_t i = 0; i < column_ids.size(); ++i) {
      const Cell cell = cell_of((*record)[i]);
      sqlite_.change("INSERT INTO cells (row_id, column_id, value) VALUES (?, ?, ?)", row_id, column_ids[i], cell);
    }
  }
  sqlite_.script(demo_rules);
  transaction.commit();
}

std::vector<Account> Database::accounts() {
  std::vector<Account> all;
  auto found = sqlite_.query("SELECT id, name, admin FROM users ORDER BY id");
  while (found.step()) all.push_back({found.integer(0), found.text(1), found.integer(2) != 0});
  return all;
}

std::optional<Account> Database::account(std::int64_t user_id) {
  auto found = sqlite_.query("SELECT id, name, admin FROM users WHERE id = ?", user_id);
  if (!found.step()) return std::nullopt;
  return Account{found.integer(0), found.text(1), found.integer(2) != 0};
}

bool Database::may_see(std::int64_t user_id, std::int64_t table_id) {
  return owns(user_id, table_id) ||
         sqlite_.query("SELECT 1 FROM shares WHERE table_id = ? AND user_id = ?", table_id, user_id).step();
}

bool Database::owns(std::int64_t user_id, std::int64_t table_id) {
  return sqlite_.query("SELECT 1 FROM tables WHERE id = ? AND owner_id = ?", table_id, user_id).step();
}

bool Database::has_table(std::int64_t table_id) {
  return sqlite_.query("SELECT 1 FROM tables WHERE id = ?", table_id).step();
}

bool Database::has_row(std::int64_t table_id, std::int64_t row_id) {
  return sqlite_.query("SELECT 1 FROM rows WHERE table_id = ? AND id = ?", table_id, row_id).step();
}

std::optional<View> Database::view(std::string_view slug) {
  auto found = sqlite_.query("SELECT slug, table_id, is_public, is_form FROM views WHERE slug = ?", slug);
  if (!found.step()) return std::nullopt;
  return view_at(found);
}

std::vector<View> Database::views(std::int64_t table_id) {
  std::vector<View> all;
  auto found = sqlite_.query("SELECT slug, table_id, is_public, is_form FROM views WHERE table_id = ?", table_id);
  while (found.step()) all.push_back(view_at(found));
  return all;
}

std::optional<Dashboard> Database::dashboard(std::int64_t dashboard_id) {
  auto found = sqlite_.query(R"(
    SELECT dashboards.id, tables.id, (SELECT count(*) FROM rows WHERE table_id = tables.id), tables.changes
    FROM dashboards JOIN tables ON tables.id = dashboards.table_id WHERE dashboards.id = ?)",
                             dashboard_id);
  if (!found.step()) return std::nullopt;
  return dashboard_at(found);
}

std::vector<Dashboard> Database::dashboards(std::int64_t table_id) {
  std::vector<Dashboard> all;
  auto found = sqlite_.query(R"(
    SELECT dashboards.id, tables.id, (SELECT count(*) FROM rows WHERE table_id = tables.id), tables.changes
    FROM dashboards JOIN tables ON tables.id = dashboards.table_id WHERE tables.id = ?)",
                             table_id);
  while (found.step()) all.push_back(dashboard_at(found));
  return all;
}

Table Database::table(std::int64_t table_id, std::string_view view_slug) {
  auto found = sqlite_.query("SELECT name, owner_id FROM tables WHERE id = ?", table_id);
  found.step();
  Table table{
      table_id, found.text(0), found.integer(1), {}, columns(table_id, view_slug), rows(table_id, {}, view_slug)};
  auto shares = sqlite_.query("SELECT user_id FROM shares WHERE table_id = ? ORDER BY user_id", table_id);
  while (shares.step()) table.shared_with.push_back(shares.integer(0));
  return table;
}

std::vector<Column> Database::columns(std::int64_t table_id, std::string_view view_slug) {
  std::vector<Column> all;
  auto found = sqlite_.query(R"(
    SELECT id, name FROM columns
    WHERE table_id = ? AND id NOT IN (SELECT column_id FROM hidden_columns WHERE slug = ?) ORDER BY id)",
                             table_id, view_slug);
  while (found.step()) all.push_back({found.integer(0), found.text(1)});
  return all;
}

std::optional<Row> Database::row(std::int64_t table_id, std::int64_t row_id, std::string_view view_slug) {
  std::vector<Row> found = rows(table_id, row_id, view_slug);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::vector<Row> Database::rows(std::int64_t table_id, std::optional<std::int64_t> row_id, std::string_view view_slug) {
  return rows_in(sqlite_.query(R"(
    SELECT rows.id, rows.version, columns.name, cells.value
    FROM rows JOIN columns ON columns.table_id = rows.table_id
    LEFT JOIN cells ON cells.row_id = rows.id AND cells.column_id = columns.id
    WHERE rows.table_id = ?1 AND (?2 IS NULL OR rows.id = ?2)
      AND columns.id NOT IN (SELECT column_id FROM hidden_columns WHERE slug = ?3)
    ORDER BY rows.id, columns.id)",
                               table_id, row_id, view_slug));
}

std::vector<Row> Database::rows_after(std::int64_t table_id, std::int64_t row_id, int most) {
  return rows_in(sqlite_.query(R"(
    SELECT rows.id, rows.version, columns.name, cells.value
    FROM (SELECT id, version FROM rows WHERE table_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3) AS rows
    JOIN columns ON columns.table_id = ?1
    LEFT JOIN cells ON cells.row_id = rows.id AND cells.column_id = columns.id
    ORDER BY rows.id, columns.id)",
                               table_id, row_id, most));
}

std::int64_t Database::add_row(std::int64_t table_id, const NewCells& cells) {
  Transaction transaction(sqlite_);
  sqlite_.change("INSERT INTO rows (table_id) VALUES (?)", table_id);
  const std::int64_t row_id = sqlite_.last_id();
  write_cells(table_id, row_id, cells);
  transaction.commit();
  return row_id;
}

void Database::change_row(std::int64_t table_id, std::int64_t row_id, const NewCells& cells) {
  Transaction transaction(sqlite_);
  write_cells(table_id, row_id, cells);
  transaction.commit();
}

void Database::delete_row(std::int64_t table_id, std::int64_t row_id) {
  Transaction transaction(sqlite_);
  sqlite_.change("DELETE FROM rows WHERE table_id = ? AND id = ?", table_id, row_id);
  sqlite_.change("UPDATE tables SET changes = changes + 1 WHERE id = ?", table_id);
  transaction.commit();
}

void Database::write_cells(std::int64_t table_id, std::int64_t row_id, const NewCells& cells) {
  for (const auto& [column_id, cell] : cells) {
    sqlite_.change(R"(
      INSERT INTO cells (row_id, column_id, value) VALUES (?, ?, ?)
      ON CONFLICT DO UPDATE SET value = excluded.value)",
                   row_id, column_id, cell);
  }
  sqlite_.change("UPDATE rows SET version = version + 1 WHERE id = ?", row_id);
  sqlite_.change("UPDATE tables SET changes = changes + 1 WHERE id = ?", table_id);
}

bool Database::share(std::int64_t table_id, std::int64_t user_id) {
  return sqlite_.change("INSERT OR IGNORE INTO shares (table_id, user_id) VALUES (?, ?)", table_id, user_id) > 0;
}

bool Database::revoke(std::int64_t table_id, std::int64_t user_id) {
  return sqlite_.change("DELETE FROM shares WHERE table_id = ? AND user_id = ?", table_id, user_id) > 0;
}
