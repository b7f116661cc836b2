// SPDX-License-Identifier: MIT
#include "sluice/page/page_parameters.hpp"

#include <fmt/format.h>

#include <cmath>

#include "core/whole_number.hpp"

namespace sluice::SLUICE_ABI {
namespace {

// Above this a double cannot represent every integer.
constexpr double exact_doubles = 9'007'199'254'740'992.0;

std::optional<std::int64_t> integral(json::Value value) {
  switch (value.kind()) {
    case json::Kind::integer: return value.as_int();
    case json::Kind::string: return canonical_number<std::int64_t>(*value.as_string());
    case json::Kind::number: {
      const double number = *value.as_double();
      if (std::trunc(number) != number || std::abs(number) > exact_doubles) return std::nullopt;
      return static_cast<std::int64_t>(number);
    }
    default: return std::nullopt;
  }
}

Error misfit(const PageParameter& declared, std::string_view why) {
  return Error(ErrorCode::invalid_argument, fmt::format("page parameter \"{}\": {}", declared.name, why));
}

}  // namespace

Result<PageParameters::Normal> PageParameters::normalise(const PageParameter& declared, json::Value value) {
  if (value.is_missing() || value.is_null()) {
    if (declared.optional) return Normal();
    return misfit(declared, "missing");
  }
  if (declared.kind == ParameterKind::integer) {
    const auto number = integral(value);
    if (!number) return misfit(declared, fmt::format("expected an integer, found {}", to_string(value.kind())));
    if (*number < declared.lowest || *number > declared.highest) return misfit(declared, "out of range");
    return Normal(*number);
  }
  const auto text = value.as_string();
  if (!text) return misfit(declared, fmt::format("expected a string, found {}", to_string(value.kind())));
  if (text->size() > max_text_parameter_bytes) return misfit(declared, "too long");
  return Normal(std::string(*text));
}

PageParameters PageParameters::read(const std::vector<PageParameter>& declared, json::Value message,
                                    json::Style style) {
  PageParameters parameters;
  json::Writer received(style);
  json::Writer canonical;
  received.begin_object();
  canonical.begin_array();
  for (const PageParameter& parameter : declared) {
    const json::Value value = message[parameter.name];
    value.write_to(received.key(parameter.name));
    auto normal = normalise(parameter, value);
    if (!normal) {
      if (parameters.fit_) parameters.fit_ = normal.error();
      continue;
    }
    if (const auto* number = std::get_if<std::int64_t>(&*normal)) {
      canonical.value(*number);
    } else if (const auto* text = std::get_if<std::string>(&*normal)) {
      canonical.value(std::string_view(*text));
    } else {
      canonical.null();
    }
    parameters.values_.emplace_back(parameter.name, std::move(*normal));
  }
  parameters.received_ = received.end_object().take_text();
  if (parameters.fit_) {
    parameters.canonical_ = canonical.end_array().take();
  } else {
    parameters.values_.clear();
  }
  return parameters;
}

const PageParameters::Normal* PageParameters::find(std::string_view name) const noexcept {
  for (const auto& [key, value] : values_) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::size_t PageParameters::memory() const noexcept {
  std::size_t bytes =
      canonical_.capacity() + 2 * received_.view().size();  // its writer may have reserved twice its size
  for (const auto& [name, value] : values_) {
    bytes += sizeof values_[0];
    if (const auto* text = std::get_if<std::string>(&value)) bytes += text->capacity();
  }
  return bytes;
}

std::optional<std::int64_t> PageParameters::integer(std::string_view name) const noexcept {
  const Normal* value = find(name);
  const auto* number = value ? std::get_if<std::int64_t>(value) : nullptr;
  return number ? std::optional(*number) : std::nullopt;
}

std::optional<std::string_view> PageParameters::text(std::string_view name) const noexcept {
  const Normal* value = find(name);
  const auto* text = value ? std::get_if<std::string>(value) : nullptr;
  return text ? std::optional<std::string_view>(*text) : std::nullopt;
}

}  // namespace sluice::SLUICE_ABI
