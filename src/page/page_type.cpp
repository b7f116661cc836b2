// SPDX-License-Identifier: MIT
#include "sluice/page/page_type.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace sluice::SLUICE_ABI {

PageType::PageType(std::string type, std::vector<PageParameter> parameters)
    : type_(std::move(type)), parameters_(std::move(parameters)) {
  if (type_.empty()) throw std::invalid_argument("page type: its name is empty");
  for (const PageParameter& parameter : parameters_) {
    const auto named = [&](const PageParameter& other) { return other.name == parameter.name; };
    if (parameter.name.empty() || parameter.name.front() == '_' || parameter.name == "page" ||
        parameter.name == "remove_page" || std::ranges::count_if(parameters_, named) > 1) {
      throw std::invalid_argument(
          fmt::format("page type \"{}\": \"{}\" can't be a parameter's name", type_, parameter.name));
    }
  }
}

std::string PageType::permission_group_name(const PageParameters&) const { return {}; }

Result<void> PageType::broadcast(ChannelLayer& layer, const PageParameters& page, const Payload& payload,
                                 Audience audience) const {
  return broadcast_to_group(layer, group_name(page), payload, std::move(audience));
}

Result<void> PageType::broadcast_many(ChannelLayer& layer,
                                      const std::vector<std::pair<PageParameters, Payload>>& payloads,
                                      const Audience& audience) const {
  std::vector<std::pair<std::string, Payload>> named;
  named.reserve(payloads.size());
  for (const auto& [page, payload] : payloads) named.emplace_back(group_name(page), payload);
  return broadcast_to_groups(layer, named, audience);
}

Result<void> PageType::broadcast_to_group(ChannelLayer& layer, const std::string& group, const Payload& payload,
                                          Audience audience) const {
  if (group == users_group) {
    return Error(ErrorCode::invalid_name,
                 fmt::format("page type \"{}\": not broadcast, \"{}\" is the group of all users, and no page's; "
                             "broadcast_to_all_users() reaches it",
                             type_, users_group));
  }
  return broadcast_to_channel_group(layer, group, payload, std::move(audience));
}

Result<void> PageType::broadcast_to_groups(ChannelLayer& layer,
                                           const std::vector<std::pair<std::string, Payload>>& payloads,
                                           const Audience& audience) const {
  Result<void> first;
  for (const auto& [group, payload] : payloads) {
    auto sent = broadcast_to_group(layer, group, payload, audience);
    if (!sent && first) first = std::move(sent);
  }
  return first;
}

}  // namespace sluice::SLUICE_ABI
