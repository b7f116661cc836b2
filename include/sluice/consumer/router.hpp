// SPDX-License-Identifier: MIT
// Maps paths to applications: with Django's path patterns, or regular expressions.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/consumer/application.hpp"

namespace sluice::SLUICE_ABI {

class RoutePattern;

/// Tries its routes in order; the first that matches wins (Channels: URLRouter).
///
///     auto routes = std::make_shared<Router>();
///     routes->path("ws/room/<slug:room>/", consumer<Chat>());
///     routes->re_path("^ws/core/", consumer<CoreConsumer>(registry));
///
/// Leading slashes are ignored (behaviour SC-4), in the path and in a pattern: `/ws/a/` is `ws/a/`. A path pattern must
/// match the whole path, unless it leads to another router; a regular expression must match its beginning (SC-5,
/// SC-11). Captures are in Scope::url_route(); an inner router matches the rest of the path, and if it finds no route,
/// the outer one tries its later routes (SC-7 to SC-9). Converters: str (default, no slash), int, slug, uuid, path.
/// Regular expressions are RE2's: Python's without look-ahead and back references. Both kinds of pattern take time
/// linear in the path. Malformed patterns throw std::invalid_argument that names them. Immutable once serving.
class SLUICE_API Router final : public Application {
 public:
  /// Values given with a route are in url_route().kwargs and win over captured ones (SC-7).
  using Defaults = std::vector<std::pair<std::string, CapturedValue>>;

  Router();
  ~Router() override;

  Router& path(std::string_view pattern, std::shared_ptr<Application> application, Defaults defaults = {});
  Router& re_path(std::string_view pattern, std::shared_ptr<Application> application, Defaults defaults = {});

  bool resolve(Scope& scope, Destination& destination) const override;
  bool routes_by_path() const noexcept override { return true; }
  std::vector<std::string> routes(const std::string& before) const override;

 private:
  struct Route;
  Router& add(std::unique_ptr<const RoutePattern> pattern, std::shared_ptr<Application> application, Defaults defaults);
  std::vector<Route> routes_;
};

}  // namespace sluice::SLUICE_ABI
