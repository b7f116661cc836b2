// SPDX-License-Identifier: MIT
#include "sluice/consumer/host_observer.hpp"

namespace sluice::SLUICE_ABI {

std::string_view to_string(HandlerKind kind) noexcept {
  switch (kind) {
    case HandlerKind::connect: return "connect";
    case HandlerKind::receive: return "receive";
    case HandlerKind::event: return "event";
    case HandlerKind::gap: return "on_gap";
    case HandlerKind::stop: return "on_stop";
    case HandlerKind::disconnect: return "disconnect";
  }
  return "";
}

std::string_view to_string(EndedBy by) noexcept {
  switch (by) {
    case EndedBy::transport: return "transport";
    case EndedBy::consumer: return "consumer";
    case EndedBy::host: return "host";
    case EndedBy::stop: return "stop";
  }
  return "";
}

std::string_view to_string(MailDrop cause) noexcept {
  switch (cause) {
    case MailDrop::mailbox_full: return "mailbox_full";
    case MailDrop::after_close: return "after_close";
    case MailDrop::sent_after_close: return "sent_after_close";
    case MailDrop::no_memory: return "no_memory";
    case MailDrop::slow_newest: return "slow_newest";
    case MailDrop::slow_oldest: return "slow_oldest";
    case MailDrop::slow_superseded: return "slow_superseded";
  }
  return "";
}

}  // namespace sluice::SLUICE_ABI
