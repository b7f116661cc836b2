// SPDX-License-Identifier: MIT
// The four kinds of page that a client can subscribe to, and who may.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "database.hpp"
#include "sluice/core/worker_pool.hpp"
#include "sluice/page/page.hpp"
#include "sluice/page/page_registry.hpp"

struct TableParams {
  std::int64_t table_id = 0;
  static constexpr auto fields() { return sluice::fields(sluice::field("table_id", &TableParams::table_id)); }
};

struct RowParams {
  std::int64_t table_id = 0;
  std::int64_t row_id = 0;
  static constexpr auto fields() {
    return sluice::fields(sluice::field("table_id", &RowParams::table_id), sluice::field("row_id", &RowParams::row_id));
  }
};

struct ViewParams {
  std::string slug;
  std::optional<std::string> token;  // what a view with a password would ask for; these have none
  static constexpr auto fields() {
    return sluice::fields(sluice::field("slug", &ViewParams::slug), sluice::field("token", &ViewParams::token));
  }
};

struct DashboardParams {
  std::int64_t dashboard_id = 0;
  static constexpr auto fields() {
    return sluice::fields(sluice::field("dashboard_id", &DashboardParams::dashboard_id));
  }
};

/// Where the pages look up who may see them: a database that blocks, and the thread that it may block.
struct Records {
  Database& database;
  sluice::WorkerPool& thread;
};

/// All changes of a table, for those who may see it.
class TablePage final : public sluice::Page<TableParams> {
 public:
  explicit TablePage(Records records) : Page("table"), records_(records) {}
  sluice::Task<bool> can_add(const sluice::Scope& scope, const TableParams& page) override;
  std::string group_name(const TableParams& page) const override;
  std::string permission_group_name(const TableParams& page) const override;

 private:
  Records records_;
};

/// The changes of one row, for those who may see its table.
class RowPage final : public sluice::Page<RowParams> {
 public:
  explicit RowPage(Records records) : Page("row"), records_(records) {}
  sluice::Task<bool> can_add(const sluice::Scope& scope, const RowParams& page) override;
  std::string group_name(const RowParams& page) const override;
  std::string permission_group_name(const RowParams& page) const override;

 private:
  Records records_;
};

/// What a view shows of its table: for everybody if it is public, else for those who may see the table. A reader that
/// is slow misses changes, receives `updates_missed` and loads the view again, where the other pages close its
/// connection.
class ViewPage final : public sluice::Page<ViewParams> {
 public:
  explicit ViewPage(Records records) : Page("view"), records_(records) {}
  sluice::Task<bool> can_add(const sluice::Scope& scope, const ViewParams& page) override;
  std::string group_name(const ViewParams& page) const override;
  std::optional<sluice::WhenSlow> when_slow() const override { return sluice::WhenSlow::drop_newest; }

 private:
  Records records_;
};

/// The figures of a dashboard, for those who may see the table they are about.
class DashboardPage final : public sluice::Page<DashboardParams> {
 public:
  explicit DashboardPage(Records records) : Page("dashboard"), records_(records) {}
  sluice::Task<bool> can_add(const sluice::Scope& scope, const DashboardParams& page) override;
  std::string group_name(const DashboardParams& page) const override;
  std::string permission_group_name(const DashboardParams& page) const override;

 private:
  Records records_;
};

/// One of each, and the registry that the consumers find them in.
struct Pages {
  explicit Pages(Records records);

  std::shared_ptr<TablePage> table;
  std::shared_ptr<RowPage> row;
  std::shared_ptr<ViewPage> view;
  std::shared_ptr<DashboardPage> dashboard;
  std::shared_ptr<sluice::PageRegistry> registry;
};
