// SPDX-License-Identifier: MIT
#include "sluice/layer/layer_observer.hpp"

namespace sluice::SLUICE_ABI {

std::string_view to_string(LayerDrop cause) noexcept {
  switch (cause) {
    case LayerDrop::full: return "full";
    case LayerDrop::expired: return "expired";
    case LayerDrop::no_channel: return "no_channel";
    case LayerDrop::too_large: return "too_large";
    case LayerDrop::invalid_name: return "invalid_name";
    case LayerDrop::no_room: return "no_room";
    case LayerDrop::failed: return "failed";
    case LayerDrop::undelivered: return "undelivered";
  }
  return "";
}

}  // namespace sluice::SLUICE_ABI
