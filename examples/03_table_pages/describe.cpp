// SPDX-License-Identifier: MIT
// What goes over the wire: from it come wire.d.ts, for browsers, and asyncapi.json.
#include "pages.hpp"
#include "sluice/page/wire_description.hpp"
#include "wire.hpp"

sluice::WireDescription describe() {
  sluice::WireDescription wire("table pages", "1.0");
  wire.page<TableParams, RowsCreated, RowsUpdated, RowsDeleted>("table");
  wire.page<RowParams, RowsUpdated, RowsDeleted>("row");
  wire.page<ViewParams, RowsCreated, RowsUpdated, RowsDeleted>("view");
  wire.page<DashboardParams, DashboardUpdated>("dashboard");
  wire.users_hear<PermissionsUpdated>();
  return wire;
}
