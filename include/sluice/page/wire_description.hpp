// SPDX-License-Identifier: MIT
// The messages of an application's WebSocket, in one place, from which TypeScript types and an AsyncAPI document are
// generated.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/json/schema.hpp"
#include "sluice/page/page.hpp"
#include "sluice/page/page_registry.hpp"

namespace sluice::SLUICE_ABI {

/// The pages and events of an application; the CoreConsumer's own messages are included.
///
///     sluice::WireDescription describe() {
///       sluice::WireDescription wire("table pages", "1.0");
///       wire.page<TableParams, RowsCreated, RowsUpdated>("table");
///       wire.users_hear<PermissionsUpdated>();
///       return wire;
///     }
///
/// `sluice_describe()` of CMake writes the files. One thread at a time.
class SLUICE_API WireDescription {
 public:
  /// A message that the server sends. A value.
  struct Event {
    std::string type;
    json::Schema schema;
  };
  /// A page type. A value.
  struct PageEntry {
    std::string name;
    std::vector<PageParameter> parameters;
    std::vector<std::string> hears;
  };
  WireDescription(std::string title, std::string version);

  /// A page type with its parameters, and the events that its members receive.
  template <json::Described Params, json::EventType... Events>
  void page(std::string name) {
    pages_.push_back({std::move(name), Page<Params>::declared(), {std::string(Events::event_type)...}});
    users_hear<Events...>();
  }
  /// Events that are not bound to a page.
  template <json::EventType... Events>
  void users_hear() {
    (add(std::string(Events::event_type), json::schema_of<Events>()), ...);
  }

  const std::vector<Event>& events() const noexcept { return events_; }
  const std::vector<PageEntry>& pages() const noexcept { return pages_; }

  /// `wire.d.ts`: the interface of this name is the parameter of Realtime<...>. The same description gives the same
  /// text.
  std::string typescript(std::string_view name) const;
  /// An AsyncAPI 3.0 document, as JSON. The same description gives the same text.
  std::string asyncapi() const;
  /// The differences between the description and an application's page types, one per line; empty if there are none.
  std::vector<std::string> differences(const PageRegistry& registry) const;

 private:
  /// Throws std::invalid_argument where one type has two shapes.
  void add(std::string type, json::Schema schema);

  std::string title_, version_;
  std::vector<Event> events_;
  std::vector<PageEntry> pages_;
};

/// The main function of sluice_describe(): `--typescript FILE --asyncapi FILE --name TableWire`, each optional. Returns
/// its exit status, after a line on stderr if that is not 0.
SLUICE_API int write_description(const WireDescription& wire, int argc, const char* const* argv);

}  // namespace sluice::SLUICE_ABI
