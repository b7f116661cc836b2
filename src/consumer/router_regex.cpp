// SPDX-License-Identifier: MIT
// In a file of its own, so that only programs that use regular expressions link RE2.
#include "consumer/routes.hpp"

namespace sluice::SLUICE_ABI {

Router& Router::re_path(std::string_view pattern, std::shared_ptr<Application> application, Defaults defaults) {
  return add(regex_pattern(pattern), std::move(application), std::move(defaults));
}

}  // namespace sluice::SLUICE_ABI
