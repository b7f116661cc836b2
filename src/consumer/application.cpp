// SPDX-License-Identifier: MIT
#include "sluice/consumer/application.hpp"

#include <stdexcept>

namespace sluice::SLUICE_ABI {
namespace {

class SingleApplication final : public Application {
 public:
  explicit SingleApplication(ConsumerFactory factory) : factory_(std::move(factory)) {
    if (!factory_) throw std::invalid_argument("application(): it needs a factory that makes consumers");
  }
  bool resolve(Scope&, Destination& destination) const override {
    destination.factory = &factory_;
    return true;
  }

 private:
  const ConsumerFactory factory_;
};

class GuardedApplication final : public Application {
 public:
  GuardedApplication(std::shared_ptr<Middleware> middleware, std::shared_ptr<Application> inner)
      : middleware_(std::move(middleware)), inner_(std::move(inner)) {
    if (!middleware_ || !inner_) throw std::invalid_argument("with(): it needs a middleware and an application");
  }
  bool resolve(Scope& scope, Destination& destination) const override {
    destination.middlewares.push_back(middleware_.get());
    if (inner_->resolve(scope, destination)) return true;
    destination.middlewares.pop_back();
    return false;
  }
  bool routes_by_path() const noexcept override { return inner_->routes_by_path(); }
  std::vector<std::string> routes(const std::string& before) const override { return inner_->routes(before); }

 private:
  const std::shared_ptr<Middleware> middleware_;
  const std::shared_ptr<Application> inner_;
};

}  // namespace

std::shared_ptr<Application> application(ConsumerFactory factory) {
  return std::make_shared<SingleApplication>(std::move(factory));
}

std::shared_ptr<Application> with(std::shared_ptr<Middleware> middleware, std::shared_ptr<Application> application) {
  return std::make_shared<GuardedApplication>(std::move(middleware), std::move(application));
}

}  // namespace sluice::SLUICE_ABI
