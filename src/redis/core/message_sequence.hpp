// SPDX-License-Identifier: MIT
// What makes two messages of one sender different, and keeps their order: a rising prefix and a rising score.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "redis/bus/unix_time.hpp"

namespace sluice::redis {

/// A time or score as Redis and Python write it: the shortest decimal that is the same double.
std::string to_text(double seconds);

/// MessageSequence for the messages of one sender. Redis serves equal scores in the byte order of their members: so
/// both rise, whatever the clock does. One thread at a time.
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

}  // namespace sluice::redis
