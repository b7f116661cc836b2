// SPDX-License-Identifier: MIT
// Events by which a channel layer with a bus reports the state of the bus to its subscribers.
#pragma once

#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// The layer lost its connection to other processes. Only consumers that list it among their handlers receive it. A
/// value.
struct LayerDown {
  static constexpr std::string_view event_type = "layer_down";
  static constexpr bool must_arrive = true;
};

/// The layer is connected again, with every membership restored. Events in between may be lost: notify the client to
/// fetch its data again. A value.
struct LayerUp {
  static constexpr std::string_view event_type = "layer_up";
  static constexpr bool must_arrive = true;
};

/// True for one of these: a consumer without a handler for it ignores it, and it does not count as unknown.
inline bool is_layer_notice(std::string_view event_type) noexcept {
  return event_type == LayerDown::event_type || event_type == LayerUp::event_type;
}

}  // namespace sluice::SLUICE_ABI
