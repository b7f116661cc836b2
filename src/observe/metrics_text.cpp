// SPDX-License-Identifier: MIT
#include "sluice/observe/metrics_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <stdexcept>

namespace sluice::SLUICE_ABI {

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

std::string_view to_string(MetricKind kind) noexcept {
  switch (kind) {
    case MetricKind::counter: return "counter";
    case MetricKind::gauge: return "gauge";
    case MetricKind::histogram: return "histogram";
  }
  return "";
}

// OpenMetrics wants a number with a point or an exponent there.
std::string bound_of(double bound) {
  std::string text = fmt::format("{}", bound);
  if (text.find_first_of(".e") == text.npos) text += ".0";
  return text;
}

void append_sample(std::string& out, std::string_view name, const MetricsText::Labels& labels, auto value) {
  out += name;
  append_labels(out, labels);
  fmt::format_to(std::back_inserter(out), " {}\n", value);
}

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
  if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();  // OpenMetrics knows no "-nan"
  std::string sample;  // whole, or not at all: a label's name may be refused
  append_sample(sample, kind == MetricKind::counter ? to.name + "_total" : to.name, labels, value);
  to.samples += sample;
  return *this;
}

// A bucket holds all values up to its bound, those of the buckets before it too.
MetricsText& MetricsText::add_histogram(std::string_view name, std::string_view help, const Histogram& histogram,
                                        const Labels& labels) {
  Family& to = family(name, MetricKind::histogram, help);
  const Histogram::Snapshot taken = histogram.snapshot();
  std::string samples;
  Labels bucket = labels;
  bucket.emplace_back("le", "");
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < taken.counts.size(); ++i) {
    count += taken.counts[i];
    bucket.back().second = i < taken.bounds.size() ? bound_of(taken.bounds[i]) : "+Inf";
    append_sample(samples, to.name + "_bucket", bucket, count);
  }
  append_sample(samples, to.name + "_count", labels, count);
  append_sample(samples, to.name + "_sum", labels, taken.sum);
  to.samples += samples;
  return *this;
}

std::string MetricsText::str() const {
  std::string out;
  for (const Family& family : families_) {
    fmt::format_to(std::back_inserter(out), "# TYPE {} {}\n", family.name, to_string(family.kind));
    for (const std::string_view unit : {"bytes", "seconds"}) {
      if (!family.name.ends_with('_' + std::string(unit))) continue;
      fmt::format_to(std::back_inserter(out), "# UNIT {} {}\n", family.name, unit);
    }
    out += "# HELP " + family.name + ' ';
    append_escaped(out, family.help);
    out += '\n';
    out += family.samples;
  }
  return out + "# EOF\n";
}

}  // namespace sluice::SLUICE_ABI
