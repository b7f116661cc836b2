// SPDX-License-Identifier: MIT
// What a client offers in Sec-WebSocket-Extensions (RFC 6455 section 9.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::ws {

/// One offer: an extension with its parameters, in the client's order. A value.
struct ExtensionOffer {
  struct Parameter {
    std::string name;
    std::optional<std::string> value;  // its quotes removed

    friend bool operator==(const Parameter&, const Parameter&) = default;
  };
  std::string name;
  std::vector<Parameter> parameters;

  friend bool operator==(const ExtensionOffer&, const ExtensionOffer&) = default;
};

/// Parses the value of the header; the client's preferred offer comes first. Returns nullopt when it does not follow
/// the grammar: the handshake is then refused. A quoted value must be a token once it is unquoted. Any thread.
SLUICE_API std::optional<std::vector<ExtensionOffer>> parse_extensions(std::string_view header);

}  // namespace sluice::SLUICE_ABI::ws
