// SPDX-License-Identifier: MIT
#include "sluice/consumer/router.hpp"

#include <algorithm>
#include <utility>

#include "consumer/path_pattern.hpp"
#include "consumer/routes.hpp"

namespace sluice::SLUICE_ABI {
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

Router::Router() = default;
Router::~Router() = default;

Router& Router::path(std::string_view pattern, std::shared_ptr<Application> application, Defaults defaults) {
  return add(std::make_unique<const PathPattern>(pattern), std::move(application), std::move(defaults));
}

Router& Router::add(std::unique_ptr<const RoutePattern> pattern, std::shared_ptr<Application> application,
                    Defaults defaults) {
  if (!application) refuse_route(pattern->text(), "it leads to no application");
  routes_.push_back({std::move(pattern), std::move(application), std::move(defaults)});
  return *this;
}

std::vector<std::string> Router::routes(const std::string& before) const {
  std::vector<std::string> all;
  for (const Route& route : routes_) {
    for (std::string& text : route.application->routes(before + route.pattern->text())) all.push_back(std::move(text));
  }
  return all;
}

bool Router::resolve(Scope& scope, Destination& destination) const {
  const std::size_t taken_before = scope.path_taken();
  const UrlRoute before = scope.url_route();
  const std::size_t slashes = scope.path_remaining().find_first_not_of('/');
  const std::size_t begin = std::min(slashes, scope.path_remaining().size());
  const std::string_view path = scope.path_remaining().substr(begin);

  for (const Route& route : routes_) {
    auto match = route.pattern->match(path, !route.application->routes_by_path());
    if (!match) continue;
    UrlRoute captured = before;
    for (CapturedValue& value : match->captured.args) captured.args.push_back(std::move(value));
    for (const auto& [name, value] : match->captured.kwargs) put(captured, name, value);
    for (const auto& [name, value] : route.defaults) put(captured, name, value);
    scope.set_url_route(std::move(captured));
    scope.set_path_taken(taken_before + begin + match->length);
    if (route.application->resolve(scope, destination)) return true;
  }
  scope.set_url_route(before);  // an inner router may have matched a part only
  scope.set_path_taken(taken_before);
  return false;
}

}  // namespace sluice::SLUICE_ABI
