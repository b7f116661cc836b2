// SPDX-License-Identifier: MIT
#include "wire.hpp"

#include <type_traits>

using sluice::json::Writer;

void json_write(Writer& out, const Row& row) {
  out.begin_object().key("id").value(row.id).key("version").value(row.version).key("cells").begin_object();
  for (const auto& [column, cell] : row.cells) {
    out.key(column);
    std::visit(
        [&](const auto& value) {
          if constexpr (std::is_same_v<decltype(value), const std::monostate&>) {
            out.null();
          } else {
            out.value(value);
          }
        },
        cell);
  }
  out.end_object().end_object();
}

sluice::json::Schema json_schema(const Row*) {
  using sluice::json::Schema;
  using Kind = Schema::Kind;
  Schema cell = Schema::of(Kind::any_of);
  cell.parts = {Schema::of(Kind::text), Schema::of(Kind::number)};
  cell.nullable = true;
  Schema row = Schema::of(Kind::object);
  row.properties = {{"id", sluice::json::schema_of<std::int64_t>()},
                    {"version", sluice::json::schema_of<std::int64_t>()},
                    {"cells", Schema::of(Kind::map, cell)}};
  return row;
}

void json_write(Writer& out, const Column& column) {
  out.begin_object().key("id").value(column.id).key("name").value(column.name).end_object();
}

void json_write(Writer& out, const Account& account) {
  out.begin_object().key("id").value(account.id).key("name").value(account.name).end_object();
}

void json_write(Writer& out, const Table& table) {
  out.begin_object().key("id").value(table.id).key("name").value(table.name).key("owner_id").value(table.owner_id);
  sluice::json::write(out.key("shared_with"), table.shared_with);
  sluice::json::write(out.key("columns"), table.columns);
  sluice::json::write(out.key("rows"), table.rows);
  out.end_object();
}
