// SPDX-License-Identifier: MIT
// SQLite with values that clean up after themselves: a connection, prepared statements with bound values, transactions.
#pragma once

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

/// What a cell holds: nothing, a number, or a text.
using Cell = std::variant<std::monostate, std::int64_t, double, std::string>;

/// SQLite said no. The message tells what was being done.
class SqliteError : public std::runtime_error {
 public:
  SqliteError(sqlite3* connection, std::string_view doing)
      : std::runtime_error(std::string(doing) + ": " + sqlite3_errmsg(connection)) {}
};

/// One run of a prepared statement: step() goes to its next row, the getters read that row.
class Statement {
 public:
  Statement(sqlite3* connection, const char* sql) : connection_(connection), sql_(sql) {
    sqlite3_stmt* prepared = nullptr;
    if (sqlite3_prepare_v2(connection, sql, -1, &prepared, nullptr) != SQLITE_OK) throw SqliteError(connection, sql);
    statement_.reset(prepared);
  }

  void bind(int place, std::integral auto value) { check(sqlite3_bind_int64(statement_.get(), place, value)); }
  void bind(int place, double value) { check(sqlite3_bind_double(statement_.get(), place, value)); }
  void bind(int place, std::monostate) { check(sqlite3_bind_null(statement_.get(), place)); }
  void bind(int place, std::string_view value) {
    check(sqlite3_bind_text64(statement_.get(), place, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  }
  void bind(int place, const std::same_as<std::optional<std::int64_t>> auto& number) {
    number ? bind(place, *number) : bind(place, std::monostate());
  }
  void bind(int place, const std::same_as<Cell> auto& cell) {
    std::visit([&](const auto& value) { bind(place, value); }, cell);
  }

  /// True: on a row. False: there is no further one.
  bool step() {
    const int outcome = sqlite3_step(statement_.get());
    if (outcome != SQLITE_ROW && outcome != SQLITE_DONE) throw SqliteError(connection_, sql_);
    return outcome == SQLITE_ROW;
  }

  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  std::string text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
    return bytes ? std::string(bytes, sqlite3_column_bytes(statement_.get(), column)) : std::string();
  }
  Cell cell(int column) const {
    switch (sqlite3_column_type(statement_.get(), column)) {
      case SQLITE_INTEGER: return integer(column);
      case SQLITE_FLOAT: return sqlite3_column_double(statement_.get(), column);
      case SQLITE_TEXT: return text(column);
      default: return {};
    }
  }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  void check(int outcome) const {
    if (outcome != SQLITE_OK) throw SqliteError(connection_, sql_);
  }

  sqlite3* connection_;
  const char* sql_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// One connection to one database file. One thread at a time.
class Sqlite {
 public:
  /// Opens the file, or makes it; ":memory:" is a database that dies with this object.
  explicit Sqlite(const std::string& file) {
    sqlite3* opened = nullptr;
    const int outcome = sqlite3_open(file.c_str(), &opened);
    connection_.reset(opened);
    if (outcome != SQLITE_OK) throw SqliteError(opened, "open " + file);
  }

  /// A statement with its `?` bound in order; nothing has run yet.
  template <class... Values>
  Statement query(const char* sql, const Values&... values) {
    Statement statement(connection_.get(), sql);
    int place = 0;
    (statement.bind(++place, values), ...);
    return statement;
  }
  /// Runs a statement that changes something, and tells how many rows it changed.
  template <class... Values>
  int change(const char* sql, const Values&... values) {
    query(sql, values...).step();
    return sqlite3_changes(connection_.get());
  }
  /// Runs several statements without values: a schema.
  void script(const char* sql) {
    if (sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
      throw SqliteError(connection_.get(), "script");
    }
  }
  std::int64_t last_id() const { return sqlite3_last_insert_rowid(connection_.get()); }

 private:
  struct Close {
    void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
  };
  std::unique_ptr<sqlite3, Close> connection_;
};

/// Everything that happens while it lives happens at commit(), or not at all.
class Transaction {
 public:
  explicit Transaction(Sqlite& sqlite) : sqlite_(sqlite) { sqlite_.script("BEGIN IMMEDIATE"); }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() {
    if (!committed_) rollback();
  }
  void commit() {
    sqlite_.script("COMMIT");
    committed_ = true;
  }

 private:
  void rollback() noexcept {
    try {
      sqlite_.script("ROLLBACK");
    } catch (const SqliteError&) {
      // SQLite has rolled back by itself: that is how it answers a full disk, say.
    }
  }

  Sqlite& sqlite_;
  bool committed_ = false;
};
