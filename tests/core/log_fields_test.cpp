// SPDX-License-Identifier: MIT
#include <array>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "sluice/core/log.hpp"
#include "support/catch.hpp"

using namespace sluice;

namespace {

std::string described(const LogRecord& record) {
  std::string text = std::string(to_string(record.level)) + ' ' + std::string(record.line);
  for (const LogField& field : record.fields) text += ' ' + std::string(field.name) + '=' + std::string(field.value);
  return text;
}

/// Collects records while it lives; it calls `busy` within the sink.
struct Records {
  std::function<void()> busy;
  std::vector<std::string> all;
  LogSink before = set_log_sink([this](const LogRecord& record) {
    all.push_back(described(record));
    if (const auto call = std::exchange(busy, nullptr)) call();
  });
  ~Records() { set_log_sink(before); }
};

}  // namespace

TEST_CASE("a sink that asks for the record gets the fields of a line", "[core]") {
  Records records;
  log(LogLevel::info, "opened", std::array{LogField{"path", "/ws/core/"}, LogField{"user", "7"}});
  log(LogLevel::info, "stopped");
  CHECK(records.all == std::vector<std::string>{"info opened path=/ws/core/ user=7", "info stopped"});
}

TEST_CASE("a line that waits for a busy sink keeps its fields", "[core]") {
  Records records;
  records.busy = [] {
    std::thread([] {
      const std::string path = "/gone/once/the/call/returns/";
      log(LogLevel::warning, "late", std::array{LogField{"path", path}});
    }).join();
  };
  log(LogLevel::info, "first");
  CHECK(records.all == std::vector<std::string>{"info first", "warning late path=/gone/once/the/call/returns/"});
}

TEST_CASE("fields are bounded in number and length, and cut between two characters", "[core]") {
  Records records;
  const std::string long_path = std::string(max_log_field_bytes - 1, 'x') + "\xc3\xa4";
  const std::vector<LogField> many(max_log_fields + 3, LogField{"path", long_path});
  log(LogLevel::info, "many", many);
  std::string expected = "info many";
  for (std::size_t i = 0; i < max_log_fields; ++i) expected += " path=" + std::string(max_log_field_bytes - 1, 'x');
  CHECK(records.all == std::vector<std::string>{expected});
}

TEST_CASE("a sink may be any callable, and nothing is silence", "[core]") {
  int calls = 0;
  const LogSink before = set_log_sink([&calls](auto&&...) { ++calls; });
  log(LogLevel::info, "heard");
  set_log_sink(nullptr);
  log(LogLevel::info, "silence");
  set_log_sink(std::function<void(LogLevel, std::string_view)>());
  log(LogLevel::info, "silence");
  void (*no_function)(LogLevel, std::string_view) = nullptr;
  set_log_sink(no_function);
  log(LogLevel::info, "silence");
  set_log_sink(before);
  CHECK(calls == 1);
}

TEST_CASE("the level can be changed while the program runs", "[core]") {
  Records records;
  set_log_level(LogLevel::warning);
  log(LogLevel::info, "too little");
  log(LogLevel::warning, "enough");
  set_log_level(LogLevel::debug);
  log(LogLevel::debug, "everything");
  CHECK(records.all == std::vector<std::string>{"warning enough", "debug everything"});
}
