// SPDX-License-Identifier: MIT
// A message broker in memory: it joins channel layers of one process, and fails by script.
#pragma once

#include <cstddef>
#include <memory>

#include "sluice/core/executor.hpp"
#include "sluice/layer/bus.hpp"

namespace sluice::testing {

/// Makes buses that reach each other:
///
///     LoopbackBroker broker;
///     DistributedChannelLayer here(executors.at(0), broker.bus(executors.at(0)));
///     DistributedChannelLayer there(executors.at(1), broker.bus(executors.at(1)));
///     broker.cut();   // both lose their link
///
/// It keeps nothing: messages without a subscriber are dropped. It is also the smallest example of a Bus. Buses may
/// outlive it. Any thread.
class LoopbackBroker {
 public:
  LoopbackBroker();
  ~LoopbackBroker();

  /// A bus that connects as soon as it is started, unless the broker is cut.
  std::unique_ptr<Bus> bus(Executor& executor);

  /// All links are lost, with their subscriptions and the messages that are held. New ones wait for mend().
  void cut();
  void mend();
  /// From now on messages wait here, until release().
  void hold();
  void release();
  /// The next messages are accepted, and dropped.
  void drop(std::size_t messages);
  /// Subscriptions are refused, until it is called with false.
  void refuse_subscriptions(bool refuse = true);
  /// Every nth message, subscription or end of one fails; 0: none.
  void fail_every(std::size_t nth);
  /// The number of subscriptions now.
  std::size_t subscriptions() const;

 private:
  class State;
  const std::shared_ptr<State> state_;
};

}  // namespace sluice::testing
