// SPDX-License-Identifier: MIT
#include "consumer/no_route.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "json/quoted.hpp"

namespace sluice::SLUICE_ABI {
namespace {

constexpr std::size_t most_routes = 20;

bool leads_somewhere(const Application& application, std::string path) {
  RequestInfo request;
  request.path = std::move(path);
  Scope scope(request);
  Application::Destination destination;
  return application.resolve(scope, destination);
}

}  // namespace

std::string explain_no_route(const Application& application, const Scope& scope) {
  std::string path(scope.path());
  std::string line = fmt::format("404 for {}: no route fits", json::in_quotes(path));
  if (path.ends_with('/')) {
    path.pop_back();
    if (leads_somewhere(application, std::move(path))) line += ", but one does without the last slash";
  } else if (leads_somewhere(application, path + '/')) {
    line += ", but one does with a slash at the end";
  }
  const std::vector<std::string> routes = application.routes({});
  const std::span<const std::string> shown(routes.data(), std::min(routes.size(), most_routes));
  line += fmt::format("; the routes are: {}", fmt::join(shown, ", "));
  if (shown.size() < routes.size()) line += fmt::format(" and {} more", routes.size() - shown.size());
  return line;
}

}  // namespace sluice::SLUICE_ABI
