// SPDX-License-Identifier: MIT
#include "pages.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <vector>

namespace {

/// The number of whoever is behind a connection; no account has the number 0.
std::int64_t user_id(const sluice::Scope& scope) {
  const std::int64_t* number = scope.user() ? scope.user()->id().number() : nullptr;
  return number ? *number : 0;
}

}  // namespace

sluice::Task<bool> TablePage::can_add(const sluice::Scope& scope, const TableParams& page) {
  auto may_see = records_.thread.run(
      [&database = records_.database, user = user_id(scope), page] { return database.may_see(user, page.table_id); });
  co_return co_await may_see;
}

std::string TablePage::group_name(const TableParams& page) const { return fmt::format("table-{}", page.table_id); }

std::string TablePage::permission_group_name(const TableParams& page) const {
  return fmt::format("permissions-table-{}", page.table_id);
}

sluice::Task<bool> RowPage::can_add(const sluice::Scope& scope, const RowParams& page) {
  auto may_see = records_.thread.run([&database = records_.database, user = user_id(scope), page] {
    return database.may_see(user, page.table_id) && database.has_row(page.table_id, page.row_id);
  });
  co_return co_await may_see;
}

std::string RowPage::group_name(const RowParams& page) const {
  return fmt::format("table-{}-row-{}", page.table_id, page.row_id);
}

std::string RowPage::permission_group_name(const RowParams& page) const {
  return fmt::format("permissions-table-{}", page.table_id);
}

sluice::Task<bool> ViewPage::can_add(const sluice::Scope& scope, const ViewParams& page) {
  auto may_see = records_.thread.run([&database = records_.database, user = user_id(scope), page] {
    const std::optional<View> view = database.view(page.slug);
    return view && !view->is_form && (view->is_public || database.may_see(user, view->table_id));
  });
  co_return co_await may_see;
}

std::string ViewPage::group_name(const ViewParams& page) const { return sluice::group_of("view", page.slug); }

sluice::Task<bool> DashboardPage::can_add(const sluice::Scope& scope, const DashboardParams& page) {
  auto may_see = records_.thread.run([&database = records_.database, user = user_id(scope), page] {
    const std::optional<Dashboard> dashboard = database.dashboard(page.dashboard_id);
    return dashboard && database.may_see(user, dashboard->table_id);
  });
  co_return co_await may_see;
}

std::string DashboardPage::group_name(const DashboardParams& page) const {
  return fmt::format("dashboard-{}", page.dashboard_id);
}

std::string DashboardPage::permission_group_name(const DashboardParams& page) const {
  return fmt::format("permissions-dashboard-{}", page.dashboard_id);
}

Pages::Pages(Records records)
    : table(std::make_shared<TablePage>(records)),
      row(std::make_shared<RowPage>(records)),
      view(std::make_shared<ViewPage>(records)),
      dashboard(std::make_shared<DashboardPage>(records)),
      registry(std::make_shared<sluice::PageRegistry>()) {
  for (const auto& page : std::vector<std::shared_ptr<sluice::PageType>>{table, row, view, dashboard}) {
    if (auto added = registry->add(page); !added) throw std::invalid_argument(added.error().message());
  }
}
