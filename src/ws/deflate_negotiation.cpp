// SPDX-License-Identifier: MIT
#include "sluice/ws/deflate_negotiation.hpp"

#include <algorithm>
#include <utility>

namespace sluice::SLUICE_ABI {

std::string_view fault_of(const DeflateOptions& options) noexcept {
  const auto within = [](int value, int least, int most) { return value >= least && value <= most; };
  if (!within(options.server_window_bits, 8, 15)) return "server_window_bits is 8 to 15";
  if (!within(options.client_window_bits, 8, 15)) return "client_window_bits is 8 to 15";
  if (!within(options.level, 1, 9)) return "level is 1 to 9";
  if (!within(options.memory_level, 1, 9)) return "memory_level is 1 to 9";
  return {};
}

namespace ws {
namespace {

constexpr int most_window_bits = 15;

// The parameters of one offer.
struct Wish {
  bool server_no_context_takeover = false;
  bool client_no_context_takeover = false;
  std::optional<int> server_max_window_bits;
  bool client_window_may_be_chosen = false;
  std::optional<int> client_max_window_bits;
};

// "8" to "15", without a leading zero (RFC 7692 section 7.1.2).
std::optional<int> window_bits_in(const std::optional<std::string>& value) noexcept {
  if (!value) return std::nullopt;
  if (*value == "8" || *value == "9") return (*value)[0] - '0';
  const bool two_digits = value->size() == 2 && (*value)[0] == '1' && (*value)[1] >= '0' && (*value)[1] <= '5';
  return two_digits ? std::optional(10 + (*value)[1] - '0') : std::nullopt;
}

// False: the parameter is unknown, or its value is invalid.
bool take(const ExtensionOffer::Parameter& parameter, Wish& wish) noexcept {
  const auto& [name, value] = parameter;
  if (name == "server_no_context_takeover") return wish.server_no_context_takeover = !value;
  if (name == "client_no_context_takeover") return wish.client_no_context_takeover = !value;
  if (name == "server_max_window_bits") return (wish.server_max_window_bits = window_bits_in(value)).has_value();
  if (name != "client_max_window_bits") return false;
  wish.client_window_may_be_chosen = true;
  wish.client_max_window_bits = window_bits_in(value);
  return !value || wish.client_max_window_bits;
}

std::optional<Wish> wish_in(const ExtensionOffer& offer) {
  Wish wish;
  for (auto at = offer.parameters.begin(); at != offer.parameters.end(); ++at) {
    const auto same_name = [&](const auto& earlier) { return earlier.name == at->name; };
    if (std::any_of(offer.parameters.begin(), at, same_name) || !take(*at, wish)) return std::nullopt;
  }
  return wish;
}

DeflateAgreement grant(const Wish& wish, const DeflateOptions& options) {
  DeflateParameters agreed;
  agreed.server_no_context_takeover =
      wish.server_no_context_takeover || options.server_context == DeflateContext::per_message;
  agreed.client_no_context_takeover =
      wish.client_no_context_takeover || options.client_context == DeflateContext::per_message ||
      (!wish.client_window_may_be_chosen && options.client_window_bits < most_window_bits);
  agreed.server_max_window_bits =
      std::min(wish.server_max_window_bits.value_or(most_window_bits), options.server_window_bits);
  if (wish.client_window_may_be_chosen) {
    agreed.client_max_window_bits =
        std::min(wish.client_max_window_bits.value_or(most_window_bits), options.client_window_bits);
  }
  std::string response = "permessage-deflate";
  if (agreed.server_no_context_takeover) response += "; server_no_context_takeover";
  if (agreed.client_no_context_takeover) response += "; client_no_context_takeover";
  if (wish.server_max_window_bits || agreed.server_max_window_bits < most_window_bits) {
    response += "; server_max_window_bits=" + std::to_string(agreed.server_max_window_bits);
  }
  if (wish.client_max_window_bits || agreed.client_max_window_bits < most_window_bits) {
    response += "; client_max_window_bits=" + std::to_string(agreed.client_max_window_bits);
  }
  return {agreed, std::move(response)};
}

}  // namespace

std::optional<DeflateAgreement> agree_on_deflate(const std::vector<ExtensionOffer>& offers,
                                                 const DeflateOptions& options) {
  if (!options.enabled) return std::nullopt;
  for (const ExtensionOffer& offer : offers) {
    if (offer.name != "permessage-deflate") continue;
    if (const auto wish = wish_in(offer)) return grant(*wish, options);
  }
  return std::nullopt;
}

}  // namespace ws
}  // namespace sluice::SLUICE_ABI
