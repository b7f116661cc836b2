// SPDX-License-Identifier: MIT
// One number of a Stats struct, as operators see it: its name, what kind of number it is, and what it means.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::observe {

/// A counter only grows, from the start of what counts; a gauge is what is so now; a histogram counts values in
/// buckets.
enum class MetricKind : std::uint8_t { counter, gauge, histogram };

/// A number of `Stats`. The texts are literals. A value.
template <class Stats>
struct Metric {
  std::string_view name;  // behind Stats::metric_prefix; a name that ends with _bytes has that unit
  MetricKind kind;
  std::string_view help;
  std::uint64_t (*read)(const Stats& stats) noexcept;
};

namespace detail {
template <class Stats, class Number>
Stats stats_of(Number Stats::*);
template <auto Member>
using StatsOf = decltype(stats_of(Member));

template <auto Member>
constexpr Metric<StatsOf<Member>> metric(std::string_view name, MetricKind kind, std::string_view help) {
  using Stats = StatsOf<Member>;
  return {name, kind, help, [](const Stats& stats) noexcept { return static_cast<std::uint64_t>(stats.*Member); }};
}
}  // namespace detail

/// A line of a table of metrics:
///
///     counter<&PageStats::added>("added", "Subscriptions that were answered with page_add.")
template <auto Member>
constexpr auto counter(std::string_view name, std::string_view help) {
  return detail::metric<Member>(name, MetricKind::counter, help);
}
template <auto Member>
constexpr auto gauge(std::string_view name, std::string_view help) {
  return detail::metric<Member>(name, MetricKind::gauge, help);
}

/// A struct of numbers with a table of what they mean. Every Stats struct of the library is one.
template <class Stats>
concept Measured = requires {
  { Stats::metric_prefix } -> std::convertible_to<std::string_view>;
  { Stats::metrics() } -> std::same_as<std::span<const Metric<Stats>>>;
};

}  // namespace sluice::SLUICE_ABI::observe
