// SPDX-License-Identifier: MIT
// Log lines as JSON: one object per line.
#pragma once

#include <cstdio>

#include "sluice/abi.hpp"
#include "sluice/core/log.hpp"

namespace sluice::SLUICE_ABI {

/// Writes each line as one JSON object with the keys time (UTC, milliseconds), level, message, and the fields of the
/// record: `{"time":"2026-11-30T08:15:00.123Z","level":"error","message":"...","path":"/ws/core/"}`. Whatever a client
/// put into a text, it stays one line of valid JSON in UTF-8. A field named time, level or message is left out.
///
///     set_log_sink(json_log(stdout));
///
/// The file outlives the sink. Lines that cannot be written are lost. Any thread.
SLUICE_API LogSink json_log(std::FILE* file);

}  // namespace sluice::SLUICE_ABI
