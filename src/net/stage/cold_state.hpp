// SPDX-License-Identifier: MIT
// The parts of a connection that an idle one does not have.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "net/limits/end_patience.hpp"
#include "sluice/core/close_reason.hpp"
#include "sluice/ws/frame_deflater.hpp"

namespace sluice::SLUICE_ABI::net {

class HttpStage;
struct ConnectionRecord;
struct IncomingMessages;

/// Allocated when a part of it is needed, and freed when all of it is empty. Its executor only.
struct ColdState {
  struct Kept {
    std::string bytes;
    std::size_t used = 0;
  };

  ColdState() noexcept;
  ColdState(const ColdState&) = delete;
  ~ColdState();
  bool empty() const noexcept {
    return !http && kept.bytes.empty() && unused == 0 && !end_patience && !closed_with && !deflater && !incoming &&
           !record;
  }

  std::unique_ptr<HttpStage> http;              // until a handshake is accepted
  Kept kept;                                    // bytes that were read and are not wanted yet
  std::size_t unused = 0;                       // bytes that are read and not used, as counted for the server
  std::optional<EndPatience> end_patience;      // once the end waits for the peer
  std::optional<CloseReason> closed_with;       // of a WebSocket, for on_closed
  std::shared_ptr<ws::FrameDeflater> deflater;  // of a WebSocket, if messages are compressed
  std::unique_ptr<IncomingMessages> incoming;   // of a WebSocket, while there are some
  std::unique_ptr<ConnectionRecord> record;     // where the server has observers
};

}  // namespace sluice::SLUICE_ABI::net
