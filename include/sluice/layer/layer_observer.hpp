// SPDX-License-Identifier: MIT
// Callbacks of a channel layer about its events and its bus: for tracing, and for histograms.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// An event that a layer has accepted. Views; they end with the call.
struct PublishedEvent {
  std::string_view to;  // the group, or the channel
  bool to_group;
  std::string_view type;  // of the event
  std::size_t bytes;      // of it, about
};

/// Events that one executor has delivered. Successive events for one group are delivered together, and reported once.
/// Views; they end with the call.
struct DeliveredEvents {
  std::string_view to;    // the group; empty: one consumer's channel
  std::string_view type;  // of the first event
  std::size_t events;
  std::size_t deliveries;             // the recipients of all these events on this executor
  std::chrono::nanoseconds duration;  // from the publishing of the first, or its arrival from the bus, to this call
};

/// Why an event was dropped. All but `undelivered` have counters in LayerStats. A value.
enum class LayerDrop : std::uint8_t {
  full,          // a plain channel held its capacity
  expired,       // it was not read in time
  no_channel,    // the channel is closed
  too_large,     // past ChannelLayerOptions::message_bytes
  invalid_name,  // no name of a channel or a group
  no_room,       // too much was waiting; the sender has an Error
  failed,        // a subscriber threw, or there was no memory
  undelivered,   // accepted, and the bus did not take it, or perhaps not (BusStats::undelivered)
};
/// "full" and so on.
SLUICE_API std::string_view to_string(LayerDrop cause) noexcept;

/// Observes a channel layer: ChannelLayerOptions::observers. Every call does nothing by default. A layer without
/// observers reads no clock for them.
///
/// published() and dropped() come from the thread that publishes, or from an executor; the others from executors; all
/// of them from several threads at the same time. A call must not block, and no lock is held while it runs, so it may
/// publish. It may come within a delivery, and so must not close a connection, and neither open, close, join nor leave
/// through a channel. An exception is logged, a few lines in ten seconds, and has no other effect. Any thread.
class SLUICE_API LayerObserver {
 public:
  virtual ~LayerObserver() = default;

  /// group_send or send, or one of their waiting forms, has accepted an event.
  virtual void published(const PublishedEvent& event) { (void)event; }
  /// Events have reached subscribers of this process.
  virtual void delivered(const DeliveredEvents& events) { (void)events; }
  /// The executor's turn that delivered an event has ended, and with it the writes to clients that keep up. The time is
  /// since the event was published, or arrived from the bus. Once for each event and executor, also if nobody received
  /// it.
  virtual void written(std::chrono::nanoseconds after) { (void)after; }
  /// This many events were dropped. `to` is empty where it is not known. What a Redis layer drops of its inboxes before
  /// it reaches the layer is in LayerStats only.
  virtual void dropped(LayerDrop cause, std::string_view to, std::uint64_t events) {
    (void)cause, (void)to, (void)events;
  }

  /// The bus is up, also for the first time: every link is connected, and every subscription restored.
  virtual void up() {}
  virtual void down(std::string_view reason) { (void)reason; }
};

}  // namespace sluice::SLUICE_ABI
