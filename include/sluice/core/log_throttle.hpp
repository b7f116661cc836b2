// SPDX-License-Identifier: MIT
// A rate limiter for log lines that clients and peers can cause at will.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/abi.hpp"
#include "sluice/core/log.hpp"

namespace sluice::SLUICE_ABI {

/// Lets a few log lines of each subject through in each period, and counts the others; the next line has the number of
/// those that were suppressed. Its owner lives as long as the server: a middleware of yours has one as a member, say.
///
///     refusals_.write(LogLevel::info, "no token", [&] { return fmt::format("{} has no token", client); });
///
/// Any thread.
class SLUICE_API LogThrottle {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Bounds {
    std::uint32_t lines = 5;
    std::chrono::nanoseconds period = std::chrono::seconds(10);
  };
  /// Subjects beyond this number share one.
  static constexpr std::size_t most_subjects = 100;

  LogThrottle() noexcept : LogThrottle(Bounds()) {}
  explicit LogThrottle(Bounds bounds) noexcept : bounds_(bounds) {}

  /// Logs what `make_line()` returns, unless this event must be suppressed: then `make_line` is not called. The subject
  /// is a constant of the server: a client's text as a subject would give each client lines of its own.
  template <class MakeLine>
  void write(LogLevel level, std::string_view subject, MakeLine make_line) noexcept {
    try {
      if (const auto suppressed = event(subject)) log(level, with_count(make_line(), *suppressed));
    } catch (...) {  // a failure to log must not end a connection
    }
  }

  /// The same with the fields that `make_fields()` returns: something that converts to a span of LogField.
  template <class MakeLine, class MakeFields>
  void write(LogLevel level, std::string_view subject, MakeLine make_line, MakeFields make_fields) noexcept {
    try {
      if (const auto suppressed = event(subject)) {
        const auto& fields = make_fields();
        log(level, with_count(make_line(), *suppressed), fields);
      }
    } catch (...) {  // as above
    }
  }

  /// Counts an event. Returns the number of suppressed events of this subject since its last line, or nullopt if this
  /// event must be suppressed too.
  std::optional<std::uint64_t> event(Time now, std::string_view subject = {});
  /// The same at the time of the executor that runs, or now.
  std::optional<std::uint64_t> event(std::string_view subject = {}) { return event(now(), subject); }

 private:
  struct Subject {
    Time period_ends = Time::min();
    std::uint32_t lines = 0;  // in this period
    std::uint64_t suppressed = 0;
  };

  static Time now();
  static std::string with_count(std::string line, std::uint64_t suppressed);
  Subject& subject(Time now, std::string_view name);

  const Bounds bounds_;
  std::mutex mutex_;
  std::map<std::string, Subject, std::less<>> subjects_;
};

}  // namespace sluice::SLUICE_ABI
