// SPDX-License-Identifier: MIT
#include "sluice/layer/bus.hpp"

namespace sluice {

std::size_t Bus::link_of(BusTarget, std::string_view) { return 0; }

Result<BusBody> Bus::encode(const Event& event) const { return BusBody{std::string(event.text().view())}; }

}  // namespace sluice
