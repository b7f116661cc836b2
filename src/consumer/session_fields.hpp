// SPDX-License-Identifier: MIT
// The fields of a session's log lines, for sinks that take a LogRecord.
#pragma once

#include <array>
#include <span>
#include <string>
#include <utility>

#include "sluice/core/log.hpp"
#include "sluice/transport/scope.hpp"

namespace sluice::SLUICE_ABI {

/// The fields connection, path, user and channel of one session. It must outlive the call that logs.
class SessionFields {
 public:
  SessionFields(const Scope& scope, std::string channel)
      : user_(scope.user() ? scope.user()->id().to_string() : std::string()),
        channel_(std::move(channel)),
        fields_{LogField{"connection", scope.client_address()}, LogField{"path", scope.path()}, LogField{"user", user_},
                LogField{"channel", channel_}} {}
  SessionFields(const SessionFields&) = delete;
  SessionFields& operator=(const SessionFields&) = delete;

  operator std::span<const LogField>() const noexcept { return fields_; }

 private:
  const std::string user_, channel_;
  const std::array<LogField, 4> fields_;
};

}  // namespace sluice::SLUICE_ABI
