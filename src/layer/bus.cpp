// SPDX-License-Identifier: MIT
#include "sluice/layer/bus.hpp"

namespace sluice::SLUICE_ABI {

std::size_t Bus::link_of(BusTarget, std::string_view) { return 0; }

Bus::Encode Bus::encoder() const {
  return [](const Event& event) -> Result<BusBody> { return BusBody{std::string(event.text().view())}; };
}

}  // namespace sluice::SLUICE_ABI
