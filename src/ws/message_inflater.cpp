// SPDX-License-Identifier: MIT
#include "sluice/ws/message_inflater.hpp"

#include <utility>

namespace sluice::SLUICE_ABI::ws {
namespace {

constexpr int largest_window = 15;  // reads what was compressed with any

}  // namespace

std::unique_ptr<Inflater> InflaterPool::borrow() {
  if (free_.empty()) return std::make_unique<Inflater>(largest_window);
  auto inflater = std::move(free_.back());
  free_.pop_back();
  return inflater;
}

void InflaterPool::give_back(std::unique_ptr<Inflater> inflater) noexcept {
  if (free_.size() == most) return;
  inflater->forget();
  free_.push_back(std::move(inflater));
}

std::size_t InflaterPool::allocated_bytes() const noexcept {
  std::size_t bytes = 0;
  for (const auto& inflater : free_) bytes += inflater->allocated_bytes();
  return bytes;
}

void MessageInflater::begin() {
  in_message_ = true;
  if (!inflater_) inflater_ = window_bits_ > 0 ? std::make_unique<Inflater>(window_bits_) : pool_.borrow();
}

Inflater::Outcome MessageInflater::inflate(std::string_view piece, bool last, std::string& out, std::size_t limit) {
  const std::size_t before = out.size();
  const auto outcome = inflater_->inflate(piece, last, out, limit);
  totals_.wire_bytes += piece.size();
  wire_bytes_ += piece.size();
  totals_.plain_bytes += out.size() - before;
  if (!last && outcome == Inflater::Outcome::good) return outcome;
  ++totals_.messages;
  in_message_ = false;
  wire_bytes_ = 0;
  if (window_bits_ == 0) pool_.give_back(std::move(inflater_));
  return outcome;
}

}  // namespace sluice::SLUICE_ABI::ws
