// SPDX-License-Identifier: MIT
#include "sluice/observe/json_log.hpp"

#include <fmt/chrono.h>

#include <chrono>
#include <string>

#include "sluice/json/writer.hpp"

namespace sluice::SLUICE_ABI {
namespace {

std::string in_utc(std::chrono::system_clock::time_point time) {
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(time)),
                     milliseconds % 1000);
}

bool is_ours(std::string_view name) noexcept { return name == "time" || name == "level" || name == "message"; }

}  // namespace

LogSink json_log(std::FILE* file) {
  return [file](const LogRecord& record) {
    json::Writer out;
    out.begin_object().key("time").value(std::string_view(in_utc(record.time)));
    out.key("level").value(to_string(record.level)).key("message").value(record.line);
    for (const LogField& field : record.fields) {
      if (!is_ours(field.name)) out.key(field.name).value(field.value);
    }
    out.end_object();
    const std::string line = std::string(out.take_text().view()) + '\n';
    std::fwrite(line.data(), 1, line.size(), file);
    std::fflush(file);
  };
}

}  // namespace sluice::SLUICE_ABI
