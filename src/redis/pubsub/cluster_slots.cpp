// SPDX-License-Identifier: MIT
#include "redis/pubsub/cluster_slots.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "core/whole_number.hpp"

namespace sluice::SLUICE_ABI::redis {
namespace {

constexpr std::uint16_t polynomial = 0x1021;
constexpr std::uint16_t nobody = std::numeric_limits<std::uint16_t>::max();

constexpr auto crc16_of_byte = [] {
  std::array<std::uint16_t, 256> table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t crc = static_cast<std::uint32_t>(byte) << 8;
    for (int bit = 0; bit < 8; ++bit) crc = crc << 1 ^ (crc & 0x8000 ? polynomial : 0);
    table[byte] = static_cast<std::uint16_t>(crc);
  }
  return table;
}();

Error no_answer() { return Error(ErrorCode::parse_failed, "CLUSTER SLOTS: this is no Redis Cluster"); }

}  // namespace

std::size_t slot_of(std::string_view name) noexcept {
  std::uint32_t crc = 0;
  for (const char byte : name) {
    crc = (crc << 8 & 0xffff) ^ crc16_of_byte[(crc >> 8 ^ static_cast<unsigned char>(byte)) & 0xff];
  }
  return crc % cluster_slots;
}

Result<ClusterMap> ClusterMap::read(const Reply& reply, const Endpoint& asked) {
  if (!reply.is_array()) return no_answer();
  ClusterMap map;
  map.host_ = asked.host;
  map.owners_.assign(cluster_slots, nobody);
  for (const Reply& range : reply.elements) {
    if (range.elements.size() < 3 || range.elements[2].elements.size() < 2) return no_answer();
    const std::int64_t first = range.elements[0].integer, last = range.elements[1].integer;
    const Reply& address = range.elements[2];
    if (first < 0 || last < first || last >= static_cast<std::int64_t>(cluster_slots)) return no_answer();
    Endpoint master = asked;
    if (!address.elements[0].text.empty()) master.host = address.elements[0].text;
    master.port = static_cast<std::uint16_t>(address.elements[1].integer);
    const auto found = std::ranges::find(map.masters_, master);
    const auto owner = static_cast<std::uint16_t>(found - map.masters_.begin());
    if (found == map.masters_.end()) map.masters_.push_back(std::move(master));
    std::fill(map.owners_.begin() + first, map.owners_.begin() + last + 1, owner);
  }
  if (std::ranges::find(map.owners_, nobody) != map.owners_.end()) {
    return Error(ErrorCode::layer_unavailable, "Redis Cluster: some slots have no master");
  }
  return map;
}

// "MOVED 3999 10.0.0.7:6381"
bool ClusterMap::move(const Reply& moved) {
  std::string_view rest = moved.text;
  if (!moved.is_error("MOVED")) return false;
  rest.remove_prefix(std::min(rest.size(), rest.find(' ') + 1));
  const auto slot = whole_number<std::size_t>(rest.substr(0, rest.find(' ')));
  rest.remove_prefix(std::min(rest.size(), rest.find(' ') + 1));
  const std::size_t colon = rest.rfind(':');
  if (!slot || *slot >= owners_.size() || colon == rest.npos) return false;
  const std::string_view host = colon == 0 ? std::string_view(host_) : rest.substr(0, colon);
  const auto port = whole_number<std::uint16_t>(rest.substr(colon + 1));
  const auto found = std::ranges::find_if(
      masters_, [&](const Endpoint& master) { return master.host == host && master.port == port; });
  if (found == masters_.end()) return false;
  owners_[*slot] = static_cast<std::uint16_t>(found - masters_.begin());
  return true;
}

// A master serves at least one slot, so this ends: each number is a random draw of one of 16,384 slots.
std::string ClusterMap::channel_at(std::size_t master, std::string_view name) const {
  for (std::size_t number = 0;; ++number) {
    std::string channel = std::string(name) + '.' + std::to_string(number);
    if (master_of(channel) == master) return channel;
  }
}

}  // namespace sluice::SLUICE_ABI::redis
