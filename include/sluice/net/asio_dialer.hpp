// SPDX-License-Identifier: MIT
// Outgoing streams: TCP, unix sockets, and TLS over TCP.
#pragma once

#include <memory>

#include "sluice/abi.hpp"
#include "sluice/net/asio_executors.hpp"
#include "sluice/transport/byte_stream.hpp"

namespace sluice::SLUICE_ABI {

/// Dials on Asio. A stream that is dialled for one of `executors` runs entirely there; for any other executor its
/// socket is on the first of them, and its callbacks are posted. A host's addresses are tried one after the other.
///
/// The executors outlive the dialer; streams may outlive it. Any thread.
class SLUICE_API AsioDialer final : public Dialer {
 public:
  explicit AsioDialer(AsioExecutors& executors) noexcept : executors_(executors) {}

  std::unique_ptr<ByteStream> dial(const Endpoint& to, Executor& executor, StreamEvents& events) override;

 private:
  AsioExecutors& executors_;
};

}  // namespace sluice::SLUICE_ABI
