// SPDX-License-Identifier: MIT
// The world of the page tests: a table, a row, a view, and browsers that subscribe to them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/consumer/host.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/page/core_consumer.hpp"
#include "sluice/page/page.hpp"
#include "sluice/page/page_registry.hpp"
#include "sluice/testing/communicator.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "sluice/testing/scripted_channel_layer.hpp"
#include "support/log_capture.hpp"

namespace page_test {

using namespace sluice;

struct TableParams {
  std::int64_t table_id = 0;
  static constexpr auto fields() { return sluice::fields(sluice::field("table_id", &TableParams::table_id)); }
};

struct RowParams {
  std::int64_t table_id = 0;
  std::int64_t row_id = 0;
  static constexpr auto fields() {
    return sluice::fields(sluice::field("table_id", &RowParams::table_id), sluice::field("row_id", &RowParams::row_id));
  }
};

struct ViewParams {
  std::string slug;
  std::optional<std::string> token;
  static constexpr auto fields() {
    return sluice::fields(sluice::field("slug", &ViewParams::slug), sluice::field("token", &ViewParams::token));
  }
};

/// Everyone may subscribe to a table, until the test changes that. Table 13 has a can_add that throws, table 14 a name
/// that throws, table 15 an invalid name.
class TablePage final : public Page<TableParams> {
 public:
  TablePage() : Page("table") {}

  bool open = true;
  std::optional<Completion<bool>> decision;  // can_add waits for it, once
  int asked = 0;

  Task<bool> can_add(const Scope&, const TableParams& page) override {
    ++asked;
    if (page.table_id == 13) throw std::runtime_error("the database is on fire");
    if (decision) {
      const auto waits_for = *std::exchange(decision, {});
      co_return co_await waits_for;
    }
    co_return open;
  }
  std::string group_name(const TableParams& page) const override {
    if (page.table_id == 14) throw std::out_of_range("no name for this one");
    if (page.table_id == 15) return "table 15";
    return "table-" + std::to_string(page.table_id);
  }
  std::string permission_group_name(const TableParams& page) const override {
    return "permissions-table-" + std::to_string(page.table_id);
  }
};

class RowPage final : public Page<RowParams> {
 public:
  RowPage() : Page("row") {}

  Task<bool> can_add(const Scope&, const RowParams&) override { return true; }
  std::string group_name(const RowParams& page) const override {
    return "table-" + std::to_string(page.table_id) + "-row-" + std::to_string(page.row_id);
  }
  std::string permission_group_name(const RowParams& page) const override {
    return "permissions-table-" + std::to_string(page.table_id);
  }
};

class ViewPage final : public Page<ViewParams> {
 public:
  ViewPage() : Page("view") {}

  bool is_public = true;

  Task<bool> can_add(const Scope&, const ViewParams& page) override { return is_public && page.slug != "private"; }
  std::string group_name(const ViewParams& page) const override { return "view-" + page.slug; }
};

/// Reads the user from the query: `user=7` a number, `user=ada` a text, `user=anonymous`, and `socket=` the socket id.
class Names final : public Middleware {
 public:
  Task<Verdict> handle(Scope& scope) override {
    const std::string user = scope.query_value("user").value_or("");
    if (user == "anonymous") {
      scope.set_user(User());
    } else if (user.find_first_not_of("0123456789") != std::string::npos) {
      scope.set_user(User(user));
    } else if (!user.empty()) {
      scope.set_user(User(std::stoll(user)));
    }
    scope.set_web_socket_id(scope.query_value("socket").value_or(""));
    return Verdict::pass();
  }
};

/// A server with its pages. Log lines go into `log`.
class House {
 public:
  explicit House(CoreConsumerOptions core = {}, HostOptions options = {})
      : memory(executor),
        layer(memory),
        registry(std::make_shared<PageRegistry>()),
        table(std::make_shared<TablePage>()),
        row(std::make_shared<RowPage>()),
        view(std::make_shared<ViewPage>()),
        host(with(std::make_shared<Names>(), consumer<CoreConsumer>(registry, core)), layer, options) {
    for (const auto& page : std::vector<std::shared_ptr<PageType>>{table, row, view}) {
      if (auto added = registry->add(page); !added) throw std::logic_error(added.error().message());
    }
  }
  House(const House&) = delete;
  House& operator=(const House&) = delete;

  std::size_t members(std::string_view group) {
    return executor.run([&] { return memory.group_size(group); }).value();
  }
  void tell(std::string_view group, std::string_view event) {
    auto sent = layer.group_send(group, Event::parse(event).value());
    if (!sent) throw std::logic_error(sent.error().message());
    executor.run_all();
  }

  test::LogCapture log;
  testing::ManualExecutor executor;
  InMemoryChannelLayer memory;
  testing::ScriptedChannelLayer layer;
  std::shared_ptr<PageRegistry> registry;
  std::shared_ptr<TablePage> table;
  std::shared_ptr<RowPage> row;
  std::shared_ptr<ViewPage> view;
  Host host;
};

/// A browser on `/ws/core/?<who>`.
class Browser {
 public:
  Browser(House& house, std::string_view who)
      : client(house.executor, house.host, {.target = "/ws/core/?" + std::string(who)}) {}
  /// A connected browser that has received its authentication.
  static std::unique_ptr<Browser> in(House& house, std::string_view who) {
    auto browser = std::make_unique<Browser>(house, who);
    if (!browser->client.connect()) throw std::logic_error("the handshake was refused");
    browser->client.hear();
    return browser;
  }

  /// Sends it, and returns everything that is received then, one message a line.
  std::string ask(std::string_view frame) {
    client.say(frame);
    return heard();
  }
  /// Everything that arrived and was not taken yet: messages as they are, and the end as `close 1000`.
  std::string heard() {
    std::string lines = client.hear_all();
    for (std::size_t at = 0; (at = lines.find("text: ", at)) != std::string::npos;) {
      if (at == 0 || lines[at - 1] == '\n') {
        lines.erase(at, 6);
      } else {
        ++at;
      }
    }
    return lines;
  }

  testing::Communicator client;
};

}  // namespace page_test
