// SPDX-License-Identifier: MIT
#include "sluice/core/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/abort_with.hpp"
#include "core/quoted.hpp"

namespace sluice::SLUICE_ABI {
namespace {

// The most lines that wait while another thread is in the sink. Further ones are lost and counted.
constexpr std::size_t most_waiting = 1'000;

constexpr int no_level = -1;
std::atomic<int> least_level{no_level};  // that was set

void write_to_stderr(const LogRecord& record) {
  if (record.level == LogLevel::debug && least_level == no_level) return;
  fmt::print(stderr, "sluice {}: {}\n", to_string(record.level), record.line);
}

thread_local bool in_the_sink = false;

// One thread at a time calls the sink, without the lock. The others queue their lines and continue, so that a slow sink
// delays one executor only.
class Sink {
 public:
  LogSink replace(LogSink sink) {
    auto replaced = std::make_shared<LogSink>(std::move(sink));
    std::unique_lock lock(mutex_);
    // Objects that the old sink refers to may be destroyed once this returns. A call from inside the sink cannot wait
    // for its own end.
    if (!in_the_sink) idle_.wait(lock, [this] { return !calling_; });
    sink_.swap(replaced);
    lock.unlock();
    return replaced ? *replaced : LogSink();
  }

  void take(const LogRecord& record) {
    std::unique_lock lock(mutex_);
    if (calling_) return wait_in_line(record);
    empty_line(lock, record);
  }

  // The program ends after this line, so the line cannot be queued: this thread waits for the sink and calls it itself.
  void take_last(const LogRecord& record, std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    if (!idle_.wait_for(lock, patience, [this] { return !calling_; })) return write_to_stderr(record);
    empty_line(lock, record);
  }

 private:
  struct Line {
    explicit Line(const LogRecord& record) : level(record.level), time(record.time), text(record.line) {
      for (const LogField& field : record.fields) fields.emplace_back(field.name, field.value);
    }

    LogLevel level;
    std::chrono::system_clock::time_point time;
    std::string text;
    std::vector<std::pair<std::string, std::string>> fields;
  };

  void empty_line(std::unique_lock<std::mutex>& lock, const LogRecord& record) {
    calling_ = true;
    call(lock, record);
    while (!waiting_.empty()) {
      const Line next = std::move(waiting_.front());
      waiting_.pop_front();
      std::array<LogField, max_log_fields> fields;
      std::ranges::transform(next.fields, fields.begin(), [](const auto& field) {
        return LogField{field.first, field.second};
      });
      call(lock, {next.level, next.text, std::span(fields).first(next.fields.size()), next.time});
      if (waiting_.empty() && lost_ > 0) call_for_lost(lock);
    }
    calling_ = false;
    idle_.notify_all();
  }

  void wait_in_line(const LogRecord& record) {
    if (waiting_.size() < most_waiting) {
      waiting_.emplace_back(record);
    } else {
      ++lost_;
    }
  }

  // Must not throw, and so allocates nothing: calling_ would stay true, and no later line would reach the sink.
  void call_for_lost(std::unique_lock<std::mutex>& lock) noexcept {
    char text[80];
    const auto end = fmt::format_to_n(text, sizeof text, "{} log lines were lost: the log sink is too slow",
                                      std::exchange(lost_, 0));
    call(lock, {LogLevel::warning, {text, std::min(end.size, sizeof text)}, {}, std::chrono::system_clock::now()});
  }

  void call(std::unique_lock<std::mutex>& lock, const LogRecord& record) noexcept {
    std::shared_ptr<LogSink> sink = sink_;  // the sink may replace itself
    lock.unlock();
    in_the_sink = true;
    try {
      if (*sink) (*sink)(record);
    } catch (...) {  // a failure to log must not end a connection
    }
    sink.reset();  // without the lock: the destructor of a sink that replaced itself may log
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
std::string_view cut(std::string_view text, std::size_t end) {
  if (text.size() <= end) return text;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end);
}

std::string shortened(std::string_view line) {
  const std::string_view kept = cut(line, max_log_line_bytes);
  return fmt::format("{}... ({} bytes more)", kept, line.size() - kept.size());
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
    const auto now = std::chrono::system_clock::now();
    if (in_the_sink) {
      write_to_stderr({LogLevel::error, line, {}, now});
    } else {
      const std::string shown = on_one_line(line);
      the_sink().take_last({LogLevel::error, shown, {}, now}, patience);
    }
  } catch (...) {  // no memory: the last line is shorter
  }
  std::abort();
}

LogSink set_log_sink(LogSink sink) { return the_sink().replace(std::move(sink)); }

void set_log_level(LogLevel least) noexcept { least_level = static_cast<int>(least); }

void log(LogLevel level, std::string_view line, std::span<const LogField> fields) noexcept {
  if (in_the_sink) return;  // a line that the sink itself causes would call the sink again, without end
  if (static_cast<int>(level) < least_level) return;
  try {
    std::array<LogField, max_log_fields> kept;
    const std::size_t count = std::min(fields.size(), kept.size());
    for (std::size_t i = 0; i < count; ++i) {
      kept[i] = {cut(fields[i].name, max_log_field_bytes), cut(fields[i].value, max_log_field_bytes)};
    }
    std::string shown = on_one_line(line);  // an exception's text may be a stranger's
    if (shown.size() > max_log_line_bytes) shown = shortened(shown);
    the_sink().take({level, shown, std::span(kept).first(count), std::chrono::system_clock::now()});
  } catch (...) {  // a failure to log must not end a connection
  }
}

}  // namespace sluice::SLUICE_ABI
