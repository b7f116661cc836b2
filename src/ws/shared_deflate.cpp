// SPDX-License-Identifier: MIT
#include "sluice/ws/shared_deflate.hpp"

namespace sluice::SLUICE_ABI::ws {

std::shared_ptr<FrameDeflater> SharedDeflate::outgoing(const DeflateParameters& agreed) {
  const int bits = agreed.server_max_window_bits;
  if (!agreed.server_no_context_takeover) {
    return std::make_shared<FrameDeflater>(bits, DeflateContext::per_connection, bench_);
  }
  auto& shared = by_window_bits_.at(static_cast<std::size_t>(bits));
  if (!shared) shared = std::make_shared<FrameDeflater>(bits, DeflateContext::per_message, bench_);
  return shared;
}

std::unique_ptr<MessageInflater> SharedDeflate::incoming(const DeflateParameters& agreed) {
  const int kept_window = agreed.client_no_context_takeover ? 0 : agreed.client_max_window_bits;
  return std::make_unique<MessageInflater>(kept_window, inflaters_, received_);
}

void SharedDeflate::settle() noexcept {
  for (const auto& deflater : by_window_bits_) {
    if (deflater) deflater->settle();
  }
}

std::size_t SharedDeflate::allocated_bytes() const noexcept {
  std::size_t bytes = bench_.frames.allocated_bytes() + inflaters_.allocated_bytes();
  for (const auto& deflater : by_window_bits_) {
    if (deflater) bytes += deflater->allocated_bytes();
  }
  return bytes;
}

}  // namespace sluice::SLUICE_ABI::ws
