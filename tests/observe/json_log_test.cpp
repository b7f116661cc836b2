// SPDX-License-Identifier: MIT
#include "sluice/observe/json_log.hpp"

#include <array>
#include <cstdio>
#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "sluice/json/document.hpp"
#include "support/catch.hpp"

using namespace sluice;

namespace {

/// The lines that are logged as JSON while it lives.
struct JsonLog {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::tmpfile(), std::fclose};
  LogSink before = set_log_sink(json_log(file.get()));
  ~JsonLog() { set_log_sink(before); }

  std::vector<std::string> lines() {
    std::rewind(file.get());
    std::vector<std::string> found(1);
    for (int c = std::fgetc(file.get()); c != EOF; c = std::fgetc(file.get())) {
      if (c == '\n') {
        found.emplace_back();
      } else {
        found.back() += static_cast<char>(c);
      }
    }
    found.pop_back();
    return found;
  }
};

}  // namespace

TEST_CASE("a log line is one JSON object with time, level, message and fields", "[observe]") {
  JsonLog log_file;
  log(LogLevel::warning, "the handler threw",
      std::array{LogField{"connection", "127.0.0.1:4711"}, LogField{"path", "/ws/"}, LogField{"user", "7"},
                 LogField{"level", "a second one"}});
  const std::vector<std::string> lines = log_file.lines();
  REQUIRE(lines.size() == 1);
  CHECK(std::regex_match(
      lines[0],
      std::regex(R"(\{"time":"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ","level":"warning",)"
                 R"("message":"the handler threw","connection":"127\.0\.0\.1:4711","path":"/ws/","user":"7"\})")));
}

TEST_CASE("JSON log lines stay valid, whatever a client puts into a field", "[observe]") {
  JsonLog log_file;
  const std::string path = "/a\n{\"level\":\"error\"}\x01\xff\"\\";
  log(LogLevel::info, "no route", std::array{LogField{"path", path}});
  log(LogLevel::info, "next");
  const std::vector<std::string> lines = log_file.lines();
  REQUIRE(lines.size() == 2);
  const auto record = json::Document::parse(lines[0]);
  REQUIRE(record);
  CHECK(record->root()["path"].as_string() == "/a\n{\"level\":\"error\"}\x01\xef\xbf\xbd\"\\");
}
