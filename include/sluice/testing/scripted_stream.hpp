// SPDX-License-Identifier: MIT
// Streams without a network: a test is the server at the other end, and decides what is split, delayed or broken.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/transport/byte_stream.hpp"

namespace sluice::SLUICE_ABI::testing {

struct ScriptedFaults;  // the faults that a dialer causes

/// The other end of one stream. Its executor only; a test with a ManualExecutor may call it from outside as well.
class SLUICE_API ScriptedPeer : public std::enable_shared_from_this<ScriptedPeer> {
 public:
  /// Made by the ScriptedDialer.
  ScriptedPeer(std::shared_ptr<ScriptedFaults> faults, const Endpoint& endpoint, Executor& executor,
               StreamEvents& events);
  static std::unique_ptr<ByteStream> open(std::shared_ptr<ScriptedPeer> peer);

  /// Called in a job with the bytes that were written to the stream.
  std::function<void(std::string_view bytes)> on_bytes;
  /// Called when the stream has ended.
  std::function<void()> on_gone;

  /// Sends bytes; they arrive in a job, behind earlier ones.
  void send(std::string bytes);
  /// Ends the stream behind the bytes on their way.
  void close(std::string why = "closed by the peer");
  /// Moves waiting bytes, unless the dialer holds everything.
  void go_on();
  const Endpoint& endpoint() const noexcept { return endpoint_; }
  /// True if the stream at the other end was destroyed or broken.
  bool gone() const noexcept { return events_ == nullptr; }

 private:
  class Stream;
  enum class Operation { open, write, read, close };
  struct Step {
    Operation operation;
    std::string bytes;
  };

  void queue(Operation operation, std::string bytes);
  std::deque<Step>::iterator first_step();
  void next();
  void end(std::string why);
  void leave();

  std::shared_ptr<ScriptedFaults> faults_;
  const Endpoint endpoint_;
  Executor& executor_;
  StreamEvents* events_;
  std::deque<Step> steps_;
  std::size_t unwritten_ = 0;
  bool going_ = false;
  bool paused_ = false;  // the peer's bytes and its end wait
};

/// Dials ScriptedPeers. An operation is the opening of a stream, bytes on their way to the peer, or bytes from it;
/// operations are counted over all streams, so that a test can break each one in turn:
///
///     ScriptedDialer dialer([&](const auto& peer) { server.serve(peer); });
///     dialer.fail_at(n);
///
/// It belongs to one ManualExecutor and ends after its streams. One thread at a time.
class SLUICE_API ScriptedDialer final : public Dialer {
 public:
  using Serve = std::function<void(const std::shared_ptr<ScriptedPeer>&)>;
  explicit ScriptedDialer(Serve serve);
  ~ScriptedDialer() override;

  std::unique_ptr<ByteStream> dial(const Endpoint& to, Executor& executor, StreamEvents& events) override;

  /// The `operation`th from now, counted from 1, breaks its stream instead.
  void fail_at(std::size_t operation);
  /// The number of operations that were done or broken.
  std::size_t operations() const noexcept;
  /// From now on bytes arrive in pieces of this size, each an operation of its own; 0: whole.
  void split(std::size_t bytes);
  /// From now on every operation takes this long.
  void delay(std::chrono::nanoseconds time);
  /// Nothing moves, and nothing breaks, as with a stopped server or an unplugged cable.
  void hold();
  void release();
  /// From now on no stream can be opened.
  void refuse(bool refused);
  /// Breaks every open stream.
  void break_all(std::string_view why = "connection reset");
  /// The number of dials.
  std::size_t dials() const noexcept { return dials_; }

 private:
  Serve serve_;
  std::shared_ptr<ScriptedFaults> faults_;
  std::vector<std::weak_ptr<ScriptedPeer>> peers_;
  std::size_t dials_ = 0;
};

}  // namespace sluice::SLUICE_ABI::testing
