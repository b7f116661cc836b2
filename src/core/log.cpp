// SPDX-License-Identifier: MIT
#include "sluice/core/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "core/abort_with.hpp"
#include "core/quoted.hpp"

namespace sluice {
namespace {

// Lines that wait while another thread is in the sink. Past it lines are lost and counted.
constexpr std::size_t most_waiting = 1'000;

void write_to_stderr(LogLevel level, std::string_view line) {
  if (level == LogLevel::debug) return;
  fmt::print(stderr, "sluice {}: {}\n", to_string(level), line);
}

thread_local bool in_the_sink = false;

// One thread at a time calls the sink, without the lock: the others leave their lines with it and go on, so that a slow
// sink keeps one executor waiting and not all of them.
class Sink {
 public:
  LogSink replace(LogSink sink) {
    auto replaced = std::make_shared<LogSink>(std::move(sink));
    std::unique_lock lock(mutex_);
    // What the old sink refers to may be destroyed once this returns. The sink itself cannot wait for its own end.
    if (!in_the_sink) idle_.wait(lock, [this] { return !calling_; });
    sink_.swap(replaced);
    lock.unlock();
    return replaced ? *replaced : LogSink();
  }

  void take(LogLevel level, std::string_view line) {
    std::unique_lock lock(mutex_);
    if (calling_) return wait_in_line(level, line);
    empty_line(lock, level, line);
  }

  // The program ends after this line, so it cannot wait in line: this thread waits for the sink and calls it itself.
  void take_last(LogLevel level, std::string_view line, std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    if (!idle_.wait_for(lock, patience, [this] { return !calling_; })) return write_to_stderr(level, line);
    empty_line(lock, level, line);
  }

 private:
  struct Line {
    LogLevel level;
    std::string text;
  };

  void empty_line(std::unique_lock<std::mutex>& lock, LogLevel level, std::string_view line) {
    calling_ = true;
    call(lock, level, line);
    while (!waiting_.empty()) {
      const Line next = std::move(waiting_.front());
      waiting_.pop_front();
      call(lock, next.level, next.text);
      if (waiting_.empty() && lost_ > 0) call_for_lost(lock);
    }
    calling_ = false;
    idle_.notify_all();
  }

  void wait_in_line(LogLevel level, std::string_view line) {
    if (waiting_.size() < most_waiting) {
      waiting_.push_back({level, std::string(line)});
    } else {
      ++lost_;
    }
  }

  // Without an allocation: whoever is in the sink must come back out of it.
  void call_for_lost(std::unique_lock<std::mutex>& lock) noexcept {
    char text[80];
    const auto end = fmt::format_to_n(text, sizeof text, "{} log lines were lost: the log sink is too slow",
                                      std::exchange(lost_, 0));
    call(lock, LogLevel::warning, {text, std::min(end.size, sizeof text)});
  }

  void call(std::unique_lock<std::mutex>& lock, LogLevel level, std::string_view line) noexcept {
    const std::shared_ptr<LogSink> sink = sink_;  // the sink may replace itself
    lock.unlock();
    in_the_sink = true;
    try {
      if (*sink) (*sink)(level, line);
    } catch (...) {  // a log line is not worth a connection
    }
    in_the_sink = false;
    lock.lock();
  }

  std::mutex mutex_;
  std::condition_variable idle_;
  std::shared_ptr<LogSink> sink_ = std::make_shared<LogSink>(write_to_stderr);
  std::deque<Line> waiting_;
  std::size_t lost_ = 0;
  bool calling_ = false;
};

// Never destroyed: destructors of static objects may log.
Sink& the_sink() {
  static Sink& sink = *new Sink;
  return sink;
}

// A cut never splits a character of UTF-8.
std::string shortened(std::string_view line) {
  std::size_t end = max_log_line_bytes;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U) --end;
  return fmt::format("{}... ({} bytes more)", line.substr(0, end), line.size() - end);
}

}  // namespace

std::string_view to_string(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warning: return "warning";
    case LogLevel::error: return "error";
  }
  return "unknown";
}

void abort_with(std::string_view line) noexcept {
  constexpr auto patience = std::chrono::seconds(1);  // with a sink that is busy on another thread
  try {
    if (in_the_sink) {
      write_to_stderr(LogLevel::error, line);
    } else {
      the_sink().take_last(LogLevel::error, on_one_line(line), patience);
    }
  } catch (...) {  // no memory: the end says less
  }
  std::abort();
}

LogSink set_log_sink(LogSink sink) { return the_sink().replace(std::move(sink)); }

void log(LogLevel level, std::string_view line) noexcept {
  if (in_the_sink) return;  // the sink broadcasts its lines, say, and that has gone wrong as well
  try {
    const std::string shown = on_one_line(line);  // an exception's text may be a stranger's
    if (shown.size() <= max_log_line_bytes) return the_sink().take(level, shown);
    the_sink().take(level, shortened(shown));
  } catch (...) {  // a log line is not worth a connection
  }
}

}  // namespace sluice
