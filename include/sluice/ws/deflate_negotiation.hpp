// SPDX-License-Identifier: MIT
// Which of a client's offers of permessage-deflate is accepted, and how (RFC 7692 section 7.1).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/ws/deflate_options.hpp"
#include "sluice/ws/extensions.hpp"

namespace sluice::SLUICE_ABI::ws {

/// The parameters that both sides follow. A value.
struct DeflateParameters {
  bool server_no_context_takeover = false;
  bool client_no_context_takeover = false;
  int server_max_window_bits = 15;
  int client_max_window_bits = 15;

  friend bool operator==(const DeflateParameters&, const DeflateParameters&) = default;
};

/// What the two sides agreed on. A value.
struct DeflateAgreement {
  DeflateParameters parameters;
  std::string response;  // the value of Sec-WebSocket-Extensions in the answer
};

/// Accepts the first acceptable offer, or none. An offer is skipped if it has a parameter that
/// RFC 7692 does not define, one that occurs twice, or one whose value is missing, unexpected or out of range.
///
/// The agreement is the smaller of what is offered and what the options allow. A client that can't be given a smaller
/// window, because it did not offer client_max_window_bits, must reset its window after each message instead, so that
/// memory stays within what the options allow. Any thread.
SLUICE_API std::optional<DeflateAgreement> agree_on_deflate(const std::vector<ExtensionOffer>& offers,
                                                            const DeflateOptions& options);

}  // namespace sluice::SLUICE_ABI::ws
