// SPDX-License-Identifier: MIT
// Tells everyone who watches what has just been written to the database.
#pragma once

#include <cstdint>
#include <string>

#include "database.hpp"
#include "pages.hpp"
#include "sluice/layer/channel_layer.hpp"

/// Each call sends its broadcasts at once. They are made on the database's thread, right behind the commit (behaviour
/// BT-7): so they leave in the order of the commits, and every client ends with what the database holds.
/// `author` is the web socket id that the change came with; that connection is left out.
class Live {
 public:
  Live(Database& database, const Pages& pages, sluice::ChannelLayer& layer)
      : database_(database), pages_(pages), layer_(layer) {}

  void row_created(std::int64_t table_id, std::int64_t row_id, const std::string& author);
  void row_changed(std::int64_t table_id, std::int64_t row_id, const NewCells& cells, const std::string& author);
  void row_deleted(std::int64_t table_id, std::int64_t row_id, const std::string& author);

  void shared(std::int64_t table_id, std::int64_t user_id, std::int64_t owner_id);
  /// Takes the user off every page of the table.
  void revoked(std::int64_t table_id, std::int64_t user_id, std::int64_t owner_id);
  /// Ends all connections of a user, but not the one that asked for it.
  void disconnected(std::int64_t user_id, const std::string& author);

 private:
  void dashboards_changed(std::int64_t table_id);

  Database& database_;
  const Pages& pages_;
  sluice::ChannelLayer& layer_;
};
