// SPDX-License-Identifier: MIT
// The connections of one shard in an epoll set of their own, which is one descriptor in Asio's loop.
#pragma once

#include <memory>

#include <asio/io_context.hpp>
#include <asio/posix/basic_stream_descriptor.hpp>

#include "net/loop/asio_executor.hpp"
#include "net/loop/operation_memory.hpp"

namespace sluice::SLUICE_ABI::net {

/// Notifies connections when their sockets are ready. Asio could, too, but it keeps 300 bytes for each waiting socket
/// (its table's entry, its operation, its socket object) and makes a system call for each wait; here a connection is
/// added once, for both directions, and costs nothing while it is idle.
///
/// Edge-triggered, epoll(7): a change is reported once. The owner reads, or writes, until the socket would block, or
/// remembers that it did not. Its executor only.
class Poller : public std::enable_shared_from_this<Poller> {
 public:
  struct Readiness {
    bool readable;
    bool writable;
    bool ended;          // the peer sends no more, or the connection failed
    bool first = false;  // in this turn
  };
  using Notify = void (*)(void* owner, Readiness);

  /// Throws std::system_error when the system gives no epoll set. Afterwards nothing fails for want of memory.
  Poller(AsioExecutor& executor, Notify notify);

  /// From now on the owner is notified, also of what is ready already. False: the system refuses.
  bool add(int descriptor, void* owner) noexcept;
  /// Call it before the descriptor is closed. The owner may be notified once more in this turn.
  void remove(int descriptor) noexcept;

 private:
  using Descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;

  void wait() noexcept;
  void wait_later() noexcept;
  void tell_all() noexcept;

  AsioExecutor& executor_;
  const Notify notify_;
  OperationMemory memory_;
  Descriptor set_;
  bool waits_ = false;
};

}  // namespace sluice::SLUICE_ABI::net
