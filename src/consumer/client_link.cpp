// SPDX-License-Identifier: MIT
#include "consumer/client_link.hpp"

#include <fmt/format.h>

#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/failure.hpp"

namespace sluice::SLUICE_ABI {

ClientLink::ClientLink(std::shared_ptr<Connection> connection) noexcept : delivery_(std::move(connection)) {}

void ClientLink::release() noexcept { delivery_.release(); }

void ClientLink::accept(const Acceptance& acceptance, const Scope& scope, HostState::Counters& counters) {
  if (answered()) throw std::logic_error("accept(): the handshake is answered already");
  const std::string& chosen = acceptance.subprotocol();
  if (!chosen.empty() && !scope.offers_subprotocol(chosen)) {
    throw std::invalid_argument(fmt::format("accept(): the client did not offer the subprotocol \"{}\"", chosen));
  }
  answer_ = Answer::accepted;
  count(counters.accepted);
  connection().accept(acceptance);
}

void ClientLink::deny(const Denial& denial, HostState::Counters& counters) {
  if (answered()) throw std::logic_error("deny(): the handshake is answered already; close() it");
  if (denial.http_status() < 300 || denial.http_status() > 599) {
    throw std::invalid_argument(fmt::format("deny(): {} is no HTTP status to refuse with", denial.http_status()));
  }
  answer_ = Answer::denied;
  count(counters.denied);
  closing_ = true;
  connection().deny(denial);
}

void ClientLink::close(const CloseReason& reason, int status_before_accept,
                       const DeliveryQueue::Context& context) noexcept {
  try {
    if (accepted()) delivery_.flush(context);
  } catch (...) {
    log_failure("messages that waited for a slow client were lost at the end of its connection",
                std::current_exception());
  }
  for (bool again : {true, false}) {
    try {
      if (accepted()) return connection().close(again ? reason : CloseReason(reason.code()));
      if (!answered()) connection().deny(Denial(status_before_accept));
      answer_ = Answer::denied;
      return;
    } catch (...) {
      if (!again) log_failure("a connection could not be closed", std::current_exception());
    }
  }
}

void ClientLink::pause_reading() {
  paused_ = true;
  connection().pause_reading();
}

bool ClientLink::resume_reading() {
  if (!paused_) return false;
  paused_ = false;
  connection().resume_reading();
  return true;
}

}  // namespace sluice::SLUICE_ABI
