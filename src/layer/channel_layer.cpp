// SPDX-License-Identifier: MIT
#include "sluice/layer/channel_layer.hpp"

#include <utility>

#include "sluice/core/block_on.hpp"

namespace sluice {

Task<Result<void>> ChannelLayer::group_send_when_room(std::string_view group, Event event) {
  return group_send(group, std::move(event));
}
Task<Result<void>> ChannelLayer::send_when_room(std::string_view channel, Event event) {
  return send(channel, std::move(event));
}
Result<void> ChannelLayer::group_send_blocking(std::string_view group, Event event) {
  return block_on(group_send_when_room(group, std::move(event)));
}
Result<void> ChannelLayer::send_blocking(std::string_view channel, Event event) {
  return block_on(send_when_room(channel, std::move(event)));
}

}  // namespace sluice
