// SPDX-License-Identifier: MIT
// What a log line of a consumer is about, for sinks that take more than text.
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "sluice/consumer/host.hpp"
#include "sluice/consumer/json_consumer.hpp"
#include "sluice/consumer/middleware.hpp"
#include "sluice/core/log.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/testing/communicator.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

class Failing : public JsonConsumer {
 public:
  Task<> receive_json(const json::Value&) override { throw std::runtime_error("no database"); }
};

class Seven : public Middleware {
 public:
  Task<Verdict> handle(Scope& scope) override {
    scope.set_user(User(7));
    return Verdict::pass();
  }
};

struct Records {
  std::vector<std::string> all;
  LogSink before = set_log_sink([this](const LogRecord& record) {
    std::string fields;
    for (const LogField& field : record.fields) {
      fields += (fields.empty() ? "" : " ") + std::string(field.name) + '=' + std::string(field.value);
    }
    all.push_back(fields);
  });
  ~Records() { set_log_sink(before); }
};

}  // namespace

TEST_CASE("a handler that throws is logged with its connection, path, user and channel", "[consumer]") {
  Records records;
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor);
  Host host(with(std::make_shared<Seven>(), consumer<Failing>()), layer);
  Communicator browser(executor, host, {.target = "/ws/core/?token=secret", .client_address = "192.0.2.7:4711"});
  browser.connect();
  browser.say("1");
  CHECK(browser.hear_all().starts_with("close 1011"));
  REQUIRE(records.all.size() == 1);
  CHECK(records.all[0].starts_with("connection=192.0.2.7:4711 path=/ws/core/ user=7 channel=specific."));
}
