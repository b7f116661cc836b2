// SPDX-License-Identifier: MIT
// A message broker in memory: it joins channel layers of one process, and fails by script.
#pragma once

#include <cstddef>
#include <memory>

#include "sluice/abi.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/layer/bus.hpp"

namespace sluice::SLUICE_ABI::testing {

/// Makes buses that reach each other:
///
///     LoopbackBroker broker;
///     DistributedChannelLayer here(executors.at(0), broker.bus(executors.at(0)));
///     DistributedChannelLayer there(executors.at(1), broker.bus(executors.at(1)));
///     broker.cut();   // both lose their link
///
/// It stores no messages: a message without a subscriber is dropped. Its bus is also an example for a bus of your own.
/// Buses may outlive the broker. Any thread.
class SLUICE_API LoopbackBroker {
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
  /// The broker accepts the next `messages` messages and does not deliver them.
  void drop(std::size_t messages);
  /// The broker refuses every subscription from now on; `false`: it accepts them again.
  void refuse_subscriptions(bool refuse = true);
  /// Every nth message, subscription or end of one fails; 0: none.
  void fail_every(std::size_t nth);
  /// The number of subscriptions now.
  std::size_t subscriptions() const;

 private:
  class State;
  const std::shared_ptr<State> state_;
};

}  // namespace sluice::SLUICE_ABI::testing
