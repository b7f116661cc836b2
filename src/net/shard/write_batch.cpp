// SPDX-License-Identifier: MIT
#include "net/shard/write_batch.hpp"

#include "net/shard/server_shard.hpp"
#include "net/stage/asio_connection.hpp"

namespace sluice::SLUICE_ABI::net {

void WriteBatch::add(AsioConnection& connection) {
  if (writing_.empty()) run_soon();
  writing_.push_back(&connection);
}

void WriteBatch::add_ended(AsioConnection& connection) noexcept {
  ended_.add(connection, Deadline::never);
  try {
    run_soon();
  } catch (...) {  // no memory: it is destroyed when another connection writes
                   // or ends
  }
}

void WriteBatch::run_soon() {
  if (runs_soon_) return;
  shard_.executor().at_end_of_turn([this, weak = shard_.weak_from_this()] {
    if (const auto alive = weak.lock()) run();
  });
  runs_soon_ = true;
}

void WriteBatch::run() noexcept {
  runs_soon_ = false;
  written_.swap(writing_);
  for (AsioConnection* connection : written_) {
    connection->guarded([connection] { connection->end_turn(); });
  }
  written_.clear();
  if (deflate_) deflate_->settle();
  // One that failed while it was written may have asked to write again: then all are destroyed with that batch.
  while (Deadline* const item = writing_.empty() ? ended_.front() : nullptr)
    static_cast<AsioConnection&>(*item).turn_after_end();
}

}  // namespace sluice::SLUICE_ABI::net
