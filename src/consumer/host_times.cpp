// SPDX-License-Identifier: MIT
#include "sluice/consumer/host_times.hpp"

#include <string>
#include <utility>

namespace sluice::SLUICE_ABI {
namespace {

template <std::size_t... index>
std::array<Histogram, sizeof...(index)> histograms(std::index_sequence<index...>) {
  return {((void)index, Histogram(Histogram::times()))...};
}

// Kinds of calls whose mail waits in the mailbox: connect() has no mail, and the end of a connection is no waiting
// work.
bool is_mail(HandlerKind kind) noexcept {
  return kind == HandlerKind::receive || kind == HandlerKind::event || kind == HandlerKind::gap;
}

}  // namespace

HostTimes::HostTimes() : handlers_(histograms(std::make_index_sequence<kinds>())), waits_(Histogram::times()) {}

void HostTimes::handler_begun(const ObservedConnection&, const HandlerCall& call) {
  if (is_mail(call.kind)) waits_.add(call.waited);
}

void HostTimes::handler_ended(const ObservedConnection&, const HandlerCall& call, const HandlerResult& result) {
  handlers_[static_cast<std::size_t>(call.kind)].add(result.duration);
}

void HostTimes::add_to(MetricsText& text, const MetricsText::Labels& labels) const {
  for (std::size_t kind = 0; kind < kinds; ++kind) {
    MetricsText::Labels with_handler = labels;
    with_handler.emplace_back("handler", std::string(to_string(static_cast<HandlerKind>(kind))));
    text.add_histogram("sluice_host_handler_seconds",
                       "Time that handlers took, with the time that they were suspended, by handler.", handlers_[kind],
                       with_handler);
  }
  text.add_histogram("sluice_host_mailbox_wait_seconds",
                     "Time that messages and events waited in mailboxes for their handlers.", waits_, labels);
}

}  // namespace sluice::SLUICE_ABI
