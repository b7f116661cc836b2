// SPDX-License-Identifier: MIT
// The usual way to write a page type: its parameters are a struct.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/json/fields.hpp"
#include "sluice/layer/group_of.hpp"
#include "sluice/page/page_type.hpp"

namespace sluice::SLUICE_ABI {

/// A page type with the parameters Params: a struct with fields() whose members are integers, std::string, or
/// std::optional of these.
///
///     struct TableParams {
///       std::int64_t table_id = 0;
///       static constexpr auto fields() { return sluice::fields(sluice::field("table_id", &TableParams::table_id)); }
///     };
///
///     class TablePage final : public sluice::Page<TableParams> {
///      public:
///       TablePage() : Page("table") {}
///       sluice::Task<bool> can_add(const sluice::Scope& scope, const TableParams& page) override;
///       std::string group_name(const TableParams& page) const override {
///         return sluice::group_of("table", page.table_id);
///       }
///     };
///
///     tables->broadcast(layer, TableParams{7}, RowsDeleted{ids}, {.except_socket = author});   // from any thread
template <json::Described Params>
class Page : public PageType {
 public:
  explicit Page(std::string type) : PageType(std::move(type), declared()) {}
  /// The parameters that Params declares, in their order.
  static std::vector<PageParameter> declared() {
    return std::apply(
        []<class... Types>(const Field<Params, Types>&... field) {
          return std::vector<PageParameter>{declare<Types>(field.key)...};
        },
        Params::fields());
  }

  /// As in PageType, with the parameters read. They live until the task has finished.
  virtual Task<bool> can_add(const Scope& scope, const Params& page) = 0;
  virtual std::string group_name(const Params& page) const = 0;
  virtual std::string permission_group_name(const Params&) const { return {}; }

  using PageType::broadcast;
  using PageType::broadcast_many;
  Result<void> broadcast(ChannelLayer& layer, const Params& page, const Payload& payload,
                         Audience audience = {}) const {
    return broadcast_to_group(layer, group_name(page), payload, std::move(audience));
  }
  Result<void> broadcast_many(ChannelLayer& layer, const std::vector<std::pair<Params, Payload>>& payloads,
                              const Audience& audience = {}) const {
    std::vector<std::pair<std::string, Payload>> named;
    for (const auto& [page, payload] : payloads) named.emplace_back(group_name(page), payload);
    return broadcast_to_groups(layer, named, audience);
  }

// A derived page type hides these three and need not name them; g++ 12 warns about it here.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverloaded-virtual"
  Task<bool> can_add(const Scope& scope, const PageParameters& parameters) final {
    const Params page = read(parameters);
    co_return co_await can_add(scope, page);
  }
  std::string group_name(const PageParameters& parameters) const final { return group_name(read(parameters)); }
  std::string permission_group_name(const PageParameters& parameters) const final {
    return permission_group_name(read(parameters));
  }
#pragma GCC diagnostic pop

 private:
  template <class T>
  static PageParameter declare(std::string_view name) {
    if constexpr (json::Optional<T>) {
      PageParameter parameter = declare<typename T::value_type>(name);
      parameter.optional = true;
      return parameter;
    } else if constexpr (std::same_as<T, std::string>) {
      return {.name = std::string(name), .kind = ParameterKind::text};
    } else {
      static_assert(json::Integer<T>, "a page parameter is an integer, a std::string, or std::optional of these");
      using Reach = std::numeric_limits<T>;
      constexpr std::uint64_t highest = std::numeric_limits<std::int64_t>::max();
      return {.name = std::string(name),
              .kind = ParameterKind::integer,
              .lowest = static_cast<std::int64_t>(Reach::min()),
              .highest = static_cast<std::int64_t>(std::min(static_cast<std::uint64_t>(Reach::max()), highest))};
    }
  }
  template <class T>
  static void take(const PageParameters& from, std::string_view name, T& into) {
    if constexpr (json::Optional<T>) {
      if (from.integer(name) || from.text(name)) take(from, name, into.emplace());
    } else if constexpr (std::same_as<T, std::string>) {
      into = from.text(name).value();
    } else {
      into = static_cast<T>(from.integer(name).value());
    }
  }
  static Params read(const PageParameters& parameters) {
    Params page{};
    std::apply([&](const auto&... field) { (take(parameters, field.key, page.*field.member), ...); }, Params::fields());
    return page;
  }
};

}  // namespace sluice::SLUICE_ABI
