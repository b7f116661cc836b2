// SPDX-License-Identifier: MIT
// How the program's records stand in JSON: in the answers of its HTTP API, and in what it tells live.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "database.hpp"
#include "sluice/json/fields.hpp"
#include "sluice/json/schema.hpp"
#include "sluice/page/wire_description.hpp"

/// {"id":7,"version":1,"cells":{"Country":"Bhutan","In the UN since":1971,"Notes":null}}
void json_write(sluice::json::Writer& out, const Row& row);
sluice::json::Schema json_schema(const Row* row);
/// {"id":1,"name":"Country"}
void json_write(sluice::json::Writer& out, const Column& column);
/// {"id":1,"name":"ada"}
void json_write(sluice::json::Writer& out, const Account& account);
/// {"id":1,"name":"countries","owner_id":1,"shared_with":[2],"columns":[...],"rows":[...]}
void json_write(sluice::json::Writer& out, const Table& table);

/// Its pages and events.
sluice::WireDescription describe();

/// What a client may know of the table behind a public view: not even its number (behaviour BT-9).
inline constexpr std::int64_t placeholder_table_id = 0;

struct RowsCreated {
  static constexpr std::string_view event_type = "rows_created";
  std::int64_t table_id = 0;
  std::vector<Row> rows;
  static constexpr auto fields() {
    return sluice::fields(sluice::field("table_id", &RowsCreated::table_id), sluice::field("rows", &RowsCreated::rows));
  }
};

struct RowsUpdated {
  static constexpr std::string_view event_type = "rows_updated";
  std::int64_t table_id = 0;
  std::vector<Row> rows;
  static constexpr auto fields() {
    return sluice::fields(sluice::field("table_id", &RowsUpdated::table_id), sluice::field("rows", &RowsUpdated::rows));
  }
};

/// Of a row that is gone there is only its id to tell.
struct DeletedRow {
  std::int64_t id = 0;
  static constexpr auto fields() { return sluice::fields(sluice::field("id", &DeletedRow::id)); }
};

struct RowsDeleted {
  static constexpr std::string_view event_type = "rows_deleted";
  std::int64_t table_id = 0;
  std::vector<DeletedRow> rows;
  static constexpr auto fields() {
    return sluice::fields(sluice::field("table_id", &RowsDeleted::table_id), sluice::field("rows", &RowsDeleted::rows));
  }
};

struct DashboardUpdated {
  static constexpr std::string_view event_type = "dashboard_updated";
  std::int64_t dashboard_id = 0;
  std::int64_t rows = 0;
  std::int64_t changes = 0;
  static constexpr auto fields() {
    return sluice::fields(sluice::field("dashboard_id", &DashboardUpdated::dashboard_id),
                          sluice::field("rows", &DashboardUpdated::rows),
                          sluice::field("changes", &DashboardUpdated::changes));
  }
};

/// To a user whose rights have changed, and to the table's owner.
struct PermissionsUpdated {
  static constexpr std::string_view event_type = "permissions_updated";
  std::int64_t table_id = 0;
  std::int64_t user_id = 0;
  bool may_see = false;
  static constexpr auto fields() {
    return sluice::fields(sluice::field("table_id", &PermissionsUpdated::table_id),
                          sluice::field("user_id", &PermissionsUpdated::user_id),
                          sluice::field("may_see", &PermissionsUpdated::may_see));
  }
};
