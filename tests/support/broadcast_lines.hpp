// SPDX-License-Identifier: MIT
// The broadcasts of an event as text, to compare with.
#pragma once

#include <string>
#include <vector>

#include "sluice/layer/event.hpp"

namespace sluice::test {

/// A broadcast as one line: the excluded, the recipients, and the payload.
inline std::string line(const Broadcast& broadcast) {
  const auto list = [](const std::vector<UserId>& users) {
    std::string ids;
    for (const UserId& id : users) ids += std::string(ids.empty() ? "" : ",") + std::string(json::encode(id).view());
    return ids;
  };
  std::string out = "not " + broadcast.audience.except_socket + "[" + list(broadcast.audience.except_users) + "]";
  out += broadcast.audience.only_users ? " only [" + list(*broadcast.audience.only_users) + "]" : " all";
  return out + " " + std::string(broadcast.payload.view());
}

/// All broadcasts of an event.
inline std::string lines(const Event& event) {
  std::string out;
  for (const Broadcast& broadcast : event.broadcasts()) out += (out.empty() ? "" : "; ") + line(broadcast);
  return out;
}

}  // namespace sluice::test
