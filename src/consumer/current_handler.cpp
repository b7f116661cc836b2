// SPDX-License-Identifier: MIT
#include "consumer/current_handler.hpp"

namespace sluice::SLUICE_ABI {

// A consumer and its base classes may each keep an object.
void CurrentHandler::keep(std::shared_ptr<const void> referred, std::size_t bytes, LiveSessions& home) {
  RunningHandler& running = prepare(home);
  auto& kept = running.argument;
  if (kept) referred = std::make_shared<std::pair<decltype(referred), decltype(referred)>>(kept, std::move(referred));
  kept = std::move(referred);
  running.argument_bytes += bytes;
}

bool CurrentHandler::start(Task<> task, Waiter waiter, LiveSessions& home) {
  RunningHandler& running = prepare(home);
  running.number = home.handler_waits();
  running.task = std::move(task);
  return running.task.start(waiter);
}

void CurrentHandler::take_result(LiveSessions& home) {
  running_->number = 0;
  home.handler_waits_no_more();
  running_->task.take();
}

void CurrentHandler::count_held(HeldBytes& held) noexcept {
  running_->held = cost_of(running_->mail) + running_->argument_bytes;
  held.add(running_->held);
}

}  // namespace sluice::SLUICE_ABI
