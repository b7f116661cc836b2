// SPDX-License-Identifier: MIT
#include "redis/core/message_sequence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/random.hpp"

namespace sluice::SLUICE_ABI::redis {
namespace {

constexpr std::size_t counter_bytes = 8;
constexpr double least_step = 1e-6;  // a double of today's size has steps of a quarter of it

}  // namespace

std::string to_text(double seconds) {
  if (seconds == static_cast<double>(static_cast<std::int64_t>(seconds))) {
    return fmt::format("{}", static_cast<std::int64_t>(seconds));
  }
  return fmt::format("{}", seconds);
}

// The counter begins at random in the lower half, so that equal messages of two senders differ.
MessageSequence::MessageSequence(std::size_t prefix_length) : prefix_length_(prefix_length), counter_(0) {
  for (const char byte : random_bytes(counter_bytes)) counter_ = counter_ << 8 | static_cast<unsigned char>(byte);
  counter_ >>= 1;
}

MessageSequence::Stamp MessageSequence::next(double now) {
  ++counter_;
  last_score_ = std::max(now, last_score_ + least_step);
  std::string prefix;
  for (std::size_t i = 0; i < std::min(prefix_length_, counter_bytes); ++i) {
    prefix.push_back(static_cast<char>(counter_ >> (8 * (std::min(prefix_length_, counter_bytes) - 1 - i))));
  }
  if (prefix_length_ > counter_bytes) prefix += random_bytes(prefix_length_ - counter_bytes);
  return {std::move(prefix), last_score_};
}

}  // namespace sluice::SLUICE_ABI::redis
