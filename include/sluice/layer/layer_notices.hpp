// SPDX-License-Identifier: MIT
// What a channel layer with a bus tells its subscribers of the bus itself.
#pragma once

#include <string_view>

namespace sluice {

/// The layer lost other processes: for now nothing is heard of them. For a consumer that lists it among its handlers;
/// no other hears it. A value.
struct LayerDown {
  static constexpr std::string_view event_type = "layer_down";
  static constexpr bool must_arrive = true;
};

/// The layer found them again, with every membership restored. What was sent in between may be lost: tell the client to
/// fetch again what it shows. A value.
struct LayerUp {
  static constexpr std::string_view event_type = "layer_up";
  static constexpr bool must_arrive = true;
};

/// Is it one of these? They are for those who handle them, and unknown to nobody.
inline bool is_layer_notice(std::string_view event_type) noexcept {
  return event_type == LayerDown::event_type || event_type == LayerUp::event_type;
}

}  // namespace sluice
