// SPDX-License-Identifier: MIT
// Log lines for machines: one JSON object per line.
#pragma once

#include <cstdio>

#include "sluice/core/log.hpp"

namespace sluice {

/// Writes each line as one JSON object with the keys time (UTC, milliseconds), level, message, and the fields of the
/// record: `{"time":"2026-11-30T08:15:00.123Z","level":"error","message":"...","path":"/ws/core/"}`. Whatever a client
/// put into a text, it stays one line of valid JSON in UTF-8.
///
///     set_log_sink(json_log(stdout));
///
/// The file outlives the sink. What can't be written is lost. Any thread.
LogSink json_log(std::FILE* file);

}  // namespace sluice
