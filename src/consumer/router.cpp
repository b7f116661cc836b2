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
  const std::size_t taken_before = scope.path_taken();
  const UrlRoute before = scope.url_route();
  const std::size_t slashes = scope.path_remaining().find_first_not_of('/');
  const std::size_t begin = std::min(slashes, scope.path_remaining().size());
  const std::string_view path = scope.path_remaining().substr(begin);

  for (const Route& route : routes_) {
    auto match = route.pattern.match(path, !route.application->routes_by_path());
    if (!match) continue;
    UrlRoute captured = before;
    for (CapturedValue& value : match->captured.args) captured.args.push_back(std::move(value));
    for (const auto& [name, value] : match->captured.kwargs) put(captured, name, value);
    for (const auto& [name, value] : route.defaults) put(captured, name, value);
    scope.set_url_route(std::move(captured));
    scope.set_path_taken(taken_before + begin + match->length);
    if (route.application->resolve(scope, destination)) return true;
  }
  scope.set_url_route(before);  // an inner router may have found a beginning, and no end
  scope.set_path_taken(taken_before);
  return false;
}

}  // namespace sluice
