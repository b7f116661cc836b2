// SPDX-License-Identifier: MIT
// Which groups one member is in, and where it stands among the members of each.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace sluice {

struct HubGroup;

/// The groups of one member, sorted by address, so that a member may be in thousands. Many a member is in one only:
/// that one needs no memory beside the 16 bytes of the list itself. Its executor only.
class JoinedGroups {
 public:
  JoinedGroups() noexcept = default;
  JoinedGroups(const JoinedGroups&) = delete;
  JoinedGroups& operator=(const JoinedGroups&) = delete;
  ~JoinedGroups() { clear(); }

  std::size_t size() const noexcept { return size_; }
  bool contains(const HubGroup* group) const noexcept;
  /// False: it is there already, and stays where it is.
  bool add(HubGroup* group, std::uint32_t place);
  /// Takes the group out, and returns the place that the member had in it; nothing: it was not there.
  std::optional<std::uint32_t> remove(const HubGroup* group) noexcept;
  /// The member stands at another place of the group now.
  void move(const HubGroup* group, std::uint32_t place) noexcept;
  /// The one that is removed fastest. Not if there is none.
  HubGroup* last() const noexcept { return size_ == 1 ? only_ : many_[size_ - 1].group; }

 private:
  struct Joined {
    HubGroup* group;
    std::uint32_t place;
  };

  Joined* spot(const HubGroup* group) const noexcept;
  void make_room();
  void clear() noexcept {
    if (size_ > 1) delete[] many_;
  }

  union {
    HubGroup* only_ = nullptr;  // of one
    Joined* many_;              // of two and more
  };
  std::uint32_t place_or_capacity_ = 0;  // the member's place in the only one; or how many fit into the array
  std::uint32_t size_ = 0;
};

}  // namespace sluice
