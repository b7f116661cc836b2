// SPDX-License-Identifier: MIT
#include "sluice/core/log.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>

#include "core/abort_with.hpp"
#include "support/catch.hpp"
#include "support/death.hpp"
#include "support/log_capture.hpp"

using namespace sluice;

TEST_CASE("log lines go to the sink, which can be changed and put back", "[core]") {
  std::vector<std::string> lines;
  const LogSink before = set_log_sink([&](LogLevel level, std::string_view line) {
    lines.push_back(std::string(to_string(level)) + " " + std::string(line));
  });
  log(LogLevel::warning, "slow");
  log(LogLevel::debug, "detail");
  set_log_sink([](LogLevel, std::string_view) { throw std::runtime_error("disk full"); });
  log(LogLevel::error, "lost");
  set_log_sink([&](LogLevel level, std::string_view line) {
    log(LogLevel::error, "by the sink itself");
    lines.push_back(std::string(to_string(level)) + " " + std::string(line));
  });
  log(LogLevel::info, "broadcast");
  log(LogLevel::info, "again");
  set_log_sink({});
  log(LogLevel::error, "silent");
  set_log_sink(before);
  CHECK(lines == std::vector<std::string>{"warning slow", "debug detail", "info broadcast", "info again"});
}

namespace {

/// Opened once, from another thread.
struct Gate {
  std::promise<void> opened;
  std::shared_future<void> waits = opened.get_future();
};

}  // namespace

TEST_CASE("a log line above its limit is cut between two characters, and ends with the cut bytes", "[core]") {
  const test::LogCapture captured;
  log(LogLevel::info, std::string(max_log_line_bytes, 'x'));
  log(LogLevel::info, "y" + std::string(max_log_line_bytes, 'x'));
  log(LogLevel::info, std::string(max_log_line_bytes - 1, 'x') + "\u00e9\u00e9");
  CHECK(captured.lines() == std::vector<std::string>{
                                std::string(max_log_line_bytes, 'x'),
                                "y" + std::string(max_log_line_bytes - 1, 'x') + "... (1 bytes more)",
                                std::string(max_log_line_bytes - 1, 'x') + "... (4 bytes more)",
                            });
}

TEST_CASE("a log sink may replace itself", "[core]") {
  std::string lines;
  const LogSink before = set_log_sink([&](LogLevel, std::string_view line) {
    lines += std::string(line) + " first; ";
    const LogSink itself =
        set_log_sink([&](LogLevel, std::string_view other) { lines += std::string(other) + " second"; });
    CHECK(itself);
  });
  log(LogLevel::error, "a");
  log(LogLevel::error, "b");
  set_log_sink(before);
  CHECK(lines == "a first; b second");
}

TEST_CASE("a thread that logs does not wait for another one in the log sink", "[core]") {
  Gate entered, leave;
  std::vector<std::string> lines;  // touched by one call at a time
  const LogSink before = set_log_sink([&](LogLevel, std::string_view line) {
    lines.emplace_back(line);
    if (line != "slow") return;
    entered.opened.set_value();
    leave.waits.wait();
  });
  std::thread slow([] { log(LogLevel::info, "slow"); });
  entered.waits.wait();
  for (int i = 0; i < 1'500; ++i) log(LogLevel::info, "quick");
  leave.opened.set_value();
  slow.join();
  set_log_sink(before);
  CHECK(lines.size() == 1'002);
  CHECK(lines.back() == "500 log lines were lost: the log sink is too slow");
}

TEST_CASE("a replaced log sink is not called any more, whatever other threads log", "[core]") {
  const LogSink before = set_log_sink({});
  std::atomic<bool> stop{false};
  std::thread talker([&] {
    while (!stop) log(LogLevel::info, "x");
  });
  for (int i = 0; i < 200; ++i) {
    auto calls = std::make_unique<int>(0);  // the sanitizers see a call that comes too late
    set_log_sink([&calls = *calls](LogLevel, std::string_view) { ++calls; });
    set_log_sink({});
  }
  stop = true;
  talker.join();
  CHECK_FALSE(set_log_sink(before));
}

namespace {

// Made before the program's first line is logged, and so destroyed after everything that the log may have made then.
struct FirstMade {
  bool speaks = false;
  ~FirstMade() {
    if (!speaks) return;
    log(LogLevel::error, "from the first one");
    ::_exit(0);
  }
} first_made;

struct LastMade {
  ~LastMade() { log(LogLevel::error, "from the last one"); }
};

// A program's own log, which is a static object, too.
struct Journal {
  LogSink before = set_log_sink([this](LogLevel, std::string_view line) { write(line); });
  std::string name = "a journal whose name is too long for the string itself";
  void write(std::string_view line) const {
    std::fprintf(stderr, "%s: %.*s\n", name.c_str(), static_cast<int>(line.size()), line.data());
  }
  ~Journal() { set_log_sink(before); }
};

}  // namespace

TEST_CASE("lines of static objects' destructors are logged, before and after the sink's own object is destroyed",
          "[core]") {
  const std::string words = test::last_words_of([] {
    first_made.speaks = true;
    static Journal journal;
    static LastMade last_made;
    std::exit(0);
  });
  CHECK(words ==
        "did not abort: a journal whose name is too long for the string itself: from the last one\n"
        "sluice error: from the first one\n");
}

TEST_CASE("the sentence that ends a program is written while another thread is in the sink", "[core]") {
  const auto end_while_busy = [](bool for_ever) {
    return test::last_words_of([for_ever] {
      std::promise<void> in_the_sink, on;
      set_log_sink([&](LogLevel, std::string_view line) {
        if (line == "slow") {
          in_the_sink.set_value();
          on.get_future().wait();
        }
        std::fprintf(stderr, "sink: %.*s\n", static_cast<int>(line.size()), line.data());
      });
      std::thread([] { log(LogLevel::info, "slow"); }).detach();
      in_the_sink.get_future().wait();
      if (!for_ever) on.set_value();
      abort_with("the end");
    });
  };
  CHECK(end_while_busy(false) == "aborted: sink: slow\nsink: the end\n");
  CHECK(end_while_busy(true) == "aborted: sluice error: the end\n");
}
