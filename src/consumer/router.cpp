// SPDX-License-Identifier: MIT
#include "sluice/consumer/router.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "consumer/path_pattern.hpp"

namespace sluice {
namespace {

void put(UrlRoute& route, const std::string& name, const CapturedValue& value) {
  for (auto& [key, old] : route.kwargs) {
    if (key == name) {
      old = value;
      return;
    }
  }
  route.kwargs.emplace_back(name, value);
}

}  // namespace

struct Router::Route {
  PathPattern pattern;
  std::shared_ptr<Application> application;
  Defaults defaults;
};

Router::Router() = default;
Router::~Router() = default;

Router& Router::path(std::string_view pattern, std::shared_ptr<Application> application, Defaults defaults) {
  if (!application) throw std::invalid_argument(fmt::format("route \"{}\": it leads to no application", pattern));
  routes_.push_back({PathPattern::from_path(pattern), std::move(application), std::move(defaults)});
  return *this;
}

Router& Router::re_path(std::string_view pattern, std::shared_ptr<Application> application, Defaults defaults) {
  if (!application) throw std::invalid_argument(fmt::format("route \"{}\": it leads to no application", pattern));
  routes_.push_back({PathPattern::from_regex(pattern), std::move(application), std::move(defaults)});
  return *this;
}

bool Router::resolve(Scope& scope, Destination& destination) const {
  const std::optional<std::string> remaining_before =
      scope.has_path_remaining() ? std::optional(std::string(scope.path_remaining())) : std::nullopt;
  std::string path(scope.path_remaining());
  path.erase(0, path.find_first_not_of('/'));

  for (const Route& route : routes_) {
    auto match = route.pattern.match(path, !route.application->routes_by_path());
    if (!match) continue;
    const UrlRoute before = scope.url_route();
    UrlRoute& captured = scope.url_route();
    for (CapturedValue& value : match->captured.args) captured.args.push_back(std::move(value));
    for (const auto& [name, value] : match->captured.kwargs) put(captured, name, value);
    for (const auto& [name, value] : route.defaults) put(captured, name, value);
    scope.set_path_remaining(path.substr(match->length));
    if (route.application->resolve(scope, destination)) return true;
    scope.url_route() = before;  // the inner router found nothing: the next route may
  }
  if (remaining_before) {
    scope.set_path_remaining(*remaining_before);
  } else {
    scope.clear_path_remaining();
  }
  return false;
}

}  // namespace sluice
