// SPDX-License-Identifier: MIT
// Apart from the rest of the router, so that RE2 is linked by programs that use regular expressions only.
#include "consumer/routes.hpp"

namespace sluice::SLUICE_ABI {

Router& Router::re_path(std::string_view pattern, std::shared_ptr<Application> application, Defaults defaults) {
  return add(regex_pattern(pattern), std::move(application), std::move(defaults));
}

}  // namespace sluice::SLUICE_ABI
