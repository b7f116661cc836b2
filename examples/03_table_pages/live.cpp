// SPDX-License-Identifier: MIT
#include "live.hpp"

#include <algorithm>

#include "sluice/core/log.hpp"
#include "sluice/page/broadcasts.hpp"
#include "wire.hpp"

namespace {

// What was written stays written: if it can't be told, that is a line in the log and not the author's trouble.
void log_failure(const sluice::Result<void>& sent) {
  if (!sent) sluice::log(sluice::LogLevel::error, sent.error().message());
}

}  // namespace

void Live::row_created(std::int64_t table_id, std::int64_t row_id, const std::string& author) {
  const RowsCreated created{table_id, {*database_.row(table_id, row_id)}};
  log_failure(pages_.table->broadcast(layer_, {table_id}, created, {.except_socket = author}));
  for (const View& view : database_.views(table_id)) {
    const RowsCreated shown{placeholder_table_id, {*database_.row(table_id, row_id, view.slug)}};
    log_failure(pages_.view->broadcast(layer_, {view.slug, {}}, shown));
  }
  dashboards_changed(table_id);
}

void Live::row_changed(std::int64_t table_id, std::int64_t row_id, const NewCells& cells, const std::string& author) {
  const RowsUpdated updated{table_id, {*database_.row(table_id, row_id)}};
  log_failure(pages_.table->broadcast(layer_, {table_id}, updated, {.except_socket = author}));
  log_failure(pages_.row->broadcast(layer_, {table_id, row_id}, updated, {.except_socket = author}));
  for (const View& view : database_.views(table_id)) {
    const std::vector<Column> visible = database_.columns(table_id, view.slug);
    const bool shows_change = std::ranges::any_of(
        cells, [&](const auto& cell) { return std::ranges::count(visible, cell.first, &Column::id) > 0; });
    if (!shows_change) continue;
    const RowsUpdated shown{placeholder_table_id, {*database_.row(table_id, row_id, view.slug)}};
    log_failure(pages_.view->broadcast(layer_, {view.slug, {}}, shown));
  }
  dashboards_changed(table_id);
}

void Live::row_deleted(std::int64_t table_id, std::int64_t row_id, const std::string& author) {
  const RowsDeleted deleted{table_id, {{row_id}}};
  log_failure(pages_.table->broadcast(layer_, {table_id}, deleted, {.except_socket = author}));
  log_failure(pages_.row->broadcast(layer_, {table_id, row_id}, deleted, {.except_socket = author}));
  for (const View& view : database_.views(table_id)) {
    const RowsDeleted shown{placeholder_table_id, {{row_id}}};
    log_failure(pages_.view->broadcast(layer_, {view.slug, {}}, shown));
  }
  dashboards_changed(table_id);
}

void Live::dashboards_changed(std::int64_t table_id) {
  for (const Dashboard& dashboard : database_.dashboards(table_id)) {
    const DashboardUpdated updated{dashboard.id, dashboard.rows, dashboard.changes};
    log_failure(pages_.dashboard->broadcast(layer_, {dashboard.id}, updated));
  }
}

void Live::shared(std::int64_t table_id, std::int64_t user_id, std::int64_t owner_id) {
  log_failure(sluice::broadcast_to_users(layer_, {user_id, owner_id}, PermissionsUpdated{table_id, user_id, true}));
}

void Live::revoked(std::int64_t table_id, std::int64_t user_id, std::int64_t owner_id) {
  const auto take_off = [&](const std::string& permission_group) {
    log_failure(sluice::remove_users_from_permission_group(layer_, permission_group, {user_id}));
  };
  take_off(pages_.table->permission_group_name(TableParams{table_id}));
  for (const Dashboard& dashboard : database_.dashboards(table_id)) {
    take_off(pages_.dashboard->permission_group_name(DashboardParams{dashboard.id}));
  }
  log_failure(sluice::broadcast_to_users(layer_, {user_id, owner_id}, PermissionsUpdated{table_id, user_id, false}));
}

void Live::disconnected(std::int64_t user_id, const std::string& author) {
  log_failure(sluice::force_disconnect_users(layer_, {user_id}, {author}));
}
