// SPDX-License-Identifier: MIT
// Memory that the connections of one shard use in turns, so that an idle
// connection owns none.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "net/loop/asio_executor.hpp"
#include "net/socket/write_queue.hpp"
#include "sluice/transport/limits.hpp"
#include "sluice/ws/server_protocol.hpp"

namespace sluice::SLUICE_ABI::net {

/// Its executor only.
class SharedBuffers {
 public:
  SharedBuffers(AsioExecutor& executor, const ServerLimits& limits) noexcept : executor_(executor), limits_(limits) {}

  /// Where frames are encoded.
  FrameBuffer& frames() {
    if (!frames_) frames_ = &executor_.local<FrameBuffer>();
    return *frames_;
  }
  WriteQueue::Spares& spares() noexcept { return spares_; }
  /// Few connections are in the middle of a message at the same time: a protocol machine is borrowed, and returned
  /// empty.
  std::unique_ptr<ws::ServerProtocol> lend_protocol() {
    return spare_protocol_ ? std::move(spare_protocol_) : std::make_unique<ws::ServerProtocol>(limits_);
  }
  void take_back(std::unique_ptr<ws::ServerProtocol> protocol) noexcept { spare_protocol_ = std::move(protocol); }
  /// One buffer for all reads: its bytes are used before the next read.
  std::span<char> read_buffer();
  /// One buffer for the bytes that TLS gathers into a record.
  std::span<char> record_buffer();

 private:
  AsioExecutor& executor_;
  const ServerLimits& limits_;
  FrameBuffer* frames_ = nullptr;
  WriteQueue::Spares spares_;
  std::unique_ptr<ws::ServerProtocol> spare_protocol_;
  std::unique_ptr<char[]> read_buffer_;
  std::unique_ptr<char[]> record_buffer_;
};

}  // namespace sluice::SLUICE_ABI::net
