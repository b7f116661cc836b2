// SPDX-License-Identifier: MIT
// Makes messages of one sender different, and keeps their order: an increasing prefix and an increasing score.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "redis/bus/unix_time.hpp"

namespace sluice::SLUICE_ABI::redis {

/// A time or score in the form of Redis and Python: the shortest decimal that reads as the same double.
std::string to_text(double seconds);

/// MessageSequence for the messages of one sender. Redis returns equal scores in the byte order of their members: so
/// both increase, whatever the clock does. One thread at a time.
class MessageSequence {
 public:
  explicit MessageSequence(std::size_t prefix_length);

  struct Stamp {
    std::string prefix;
    double score;
  };
  Stamp next(double now);

 private:
  const std::size_t prefix_length_;
  std::uint64_t counter_;
  double last_score_ = 0;
};

}  // namespace sluice::SLUICE_ABI::redis
