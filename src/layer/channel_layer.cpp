// SPDX-License-Identifier: MIT
#include "sluice/layer/channel_layer.hpp"

#include <utility>

#include "layer/names.hpp"
#include "sluice/core/block_on.hpp"
#include "sluice/observe/health.hpp"

namespace sluice::SLUICE_ABI {
namespace {

constexpr std::string_view kind_of(const Channel&) noexcept { return "channel"; }
constexpr std::string_view kind_of(const Inbox&) noexcept { return "inbox"; }

template <class Handle>
Result<void> check(std::string_view what, std::string_view group, const Handle& handle, const void* origin) {
  if (auto checked = check_group_name(what, group); !checked) return checked;
  if (handle.origin() != origin) return foreign_handle(what, group, kind_of(handle));
  return {};
}

template <class Handle>
Task<Result<void>> add(std::string_view group, const Handle& handle, const void* origin) {
  if (auto checked = check("group_add", group, handle, origin); !checked) return checked;
  return handle.end().join(group);
}

template <class Handle>
Task<Result<void>> discard(std::string_view group, const Handle& handle, const void* origin) {
  if (auto checked = check("group_discard", group, handle, origin); !checked) return checked;
  return handle.end().leave(group);
}

}  // namespace

Task<Result<void>> ChannelLayer::group_add(std::string_view group, const Channel& channel) {
  return add(group, channel, origin());
}
Task<Result<void>> ChannelLayer::group_add(std::string_view group, const Inbox& inbox) {
  return add(group, inbox, origin());
}
Task<Result<void>> ChannelLayer::group_discard(std::string_view group, const Channel& channel) {
  return discard(group, channel, origin());
}
Task<Result<void>> ChannelLayer::group_discard(std::string_view group, const Inbox& inbox) {
  return discard(group, inbox, origin());
}

std::vector<Problem> ChannelLayer::problems() const { return {}; }

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

}  // namespace sluice::SLUICE_ABI
