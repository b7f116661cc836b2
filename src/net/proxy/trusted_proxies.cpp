// SPDX-License-Identifier: MIT
#include "sluice/net/trusted_proxies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "core/whole_number.hpp"
#include "net/proxy/addresses.hpp"

namespace sluice::SLUICE_ABI {
namespace {

constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // RFC 4291 section 2.5.5.2

bool same_bits(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b, std::size_t bits) noexcept {
  const std::size_t whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin())) return false;
  const std::size_t rest = bits % 8;
  return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

}  // namespace

TrustedProxies::TrustedProxies(std::initializer_list<std::string_view> networks) {
  for (const std::string_view network : networks) add(network);
}

void TrustedProxies::add(std::string_view text) {
  const auto fail = [text](std::string_view why) {
    throw std::invalid_argument(fmt::format("TrustedProxies: \"{}\": {}", text, why));
  };
  const std::size_t slash = text.find('/');
  const auto address = net::parse_address(text.substr(0, slash));
  if (!address) fail("write an IPv4 or IPv6 address, or ADDRESS/BITS");
  Network network;
  const auto fill = [&network](const auto& bytes) {
    std::ranges::copy(bytes, network.bytes.begin());
    network.length = static_cast<std::uint8_t>(bytes.size());
  };
  address->is_v4() ? fill(address->to_v4().to_bytes()) : fill(address->to_v6().to_bytes());
  unsigned bits = network.length * 8U;
  if (slash != text.npos) {
    const auto number = whole_number<unsigned>(text.substr(slash + 1));
    if (!number || *number > bits) fail("the number of bits behind the slash makes no sense");
    bits = *number;
  }
  for (std::size_t bit = bits; bit < network.length * 8U; ++bit) {
    if (network.bytes[bit / 8] & 0x80U >> bit % 8) fail("the address has bits behind the prefix");
  }
  const bool is_mapped = network.length == 16 && bits >= 96 && same_bits(network.bytes, mapped, 96);
  if (is_mapped) {
    std::rotate(network.bytes.begin(), network.bytes.begin() + 12, network.bytes.end());
    network.length = 4;
    bits -= 96;
  }
  network.bits = static_cast<std::uint8_t>(bits);
  networks_.push_back(network);
}

bool TrustedProxies::includes(std::span<const std::uint8_t> address) const noexcept {
  if (address.size() == 16 && same_bits(address, mapped, 96)) address = address.last(4);
  return std::ranges::any_of(networks_, [address](const Network& network) {
    return network.length == address.size() && same_bits(network.bytes, address, network.bits);
  });
}

}  // namespace sluice::SLUICE_ABI
