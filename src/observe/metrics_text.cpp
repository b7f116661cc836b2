// SPDX-License-Identifier: MIT
#include "sluice/observe/metrics_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>

namespace sluice {

using observe::MetricKind;

namespace {

bool is_name(std::string_view text) noexcept {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && !(text.front() >= '0' && text.front() <= '9') && std::ranges::all_of(text, fits);
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '"': out += "\\\""; break;
      default: out += c;
    }
  }
}

void append_labels(std::string& out, const MetricsText::Labels& labels) {
  if (labels.empty()) return;
  char separator = '{';
  for (const auto& [name, value] : labels) {
    if (!is_name(name)) throw std::invalid_argument(fmt::format("MetricsText: \"{}\" can't be a label's name", name));
    out += separator;
    out += name;
    out += "=\"";
    append_escaped(out, value);
    out += '"';
    separator = ',';
  }
  out += '}';
}

std::string_view to_string(MetricKind kind) noexcept { return kind == MetricKind::counter ? "counter" : "gauge"; }

}  // namespace

MetricsText::Family& MetricsText::family(std::string_view name, MetricKind kind, std::string_view help) {
  const auto found = std::ranges::find(families_, name, &Family::name);
  if (found == families_.end()) {
    if (!is_name(name)) throw std::invalid_argument(fmt::format("MetricsText: \"{}\" can't be a metric's name", name));
    families_.push_back({std::string(name), std::string(help), kind, {}});
    return families_.back();
  }
  if (found->kind == kind) return *found;
  throw std::invalid_argument(fmt::format("MetricsText: \"{}\" was added as a {}", name, to_string(found->kind)));
}

MetricsText& MetricsText::add(std::string_view name, MetricKind kind, std::string_view help, double value,
                              const Labels& labels) {
  Family& to = family(name, kind, help);
  std::string sample = to.name;
  if (kind == MetricKind::counter) sample += "_total";
  append_labels(sample, labels);
  fmt::format_to(std::back_inserter(to.samples), "{} {}\n", sample, value);
  return *this;
}

std::string MetricsText::str() const {
  std::string out;
  for (const Family& family : families_) {
    fmt::format_to(std::back_inserter(out), "# TYPE {} {}\n", family.name, to_string(family.kind));
    if (family.name.ends_with("_bytes")) fmt::format_to(std::back_inserter(out), "# UNIT {} bytes\n", family.name);
    out += "# HELP " + family.name + ' ';
    append_escaped(out, family.help);
    out += '\n';
    out += family.samples;
  }
  return out + "# EOF\n";
}

}  // namespace sluice
