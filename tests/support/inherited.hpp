// SPDX-License-Identifier: MIT
// What a program that this process starts would hold, too.
#pragma once

#include <fcntl.h>

#include <filesystem>
#include <string>

namespace sluice::test {

/// How many of this process's descriptors are not closed by exec().
inline int inherited_descriptors() {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int flags = ::fcntl(std::stoi(entry.path().filename()), F_GETFD);
    if (flags >= 0 && !(flags & FD_CLOEXEC)) ++count;
  }
  return count;
}

}  // namespace sluice::test
