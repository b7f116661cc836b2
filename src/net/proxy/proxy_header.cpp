// SPDX-License-Identifier: MIT
#include "net/proxy/proxy_header.hpp"

#include <array>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "core/crc.hpp"
#include "http/text.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::string_view line_begin = "PROXY ";
constexpr std::size_t most_line_bytes = 107;
constexpr std::size_t fixed_bytes = 16;  // of version 2: signature, command, family, length

constexpr std::uint8_t command_local = 0x20;
constexpr std::uint8_t command_proxy = 0x21;
constexpr std::uint8_t family_unknown = 0x00;
constexpr std::uint8_t tcp4 = 0x11;
constexpr std::uint8_t tcp6 = 0x21;
constexpr std::uint8_t unix_stream = 0x31;

constexpr std::uint8_t tlv_crc32c = 0x03;
constexpr std::uint8_t tlv_ssl = 0x20;
constexpr std::size_t tlv_ssl_bytes = 5;  // client's flags, and the result of the verification
constexpr std::uint8_t client_ssl = 0x01;

std::uint8_t byte_at(std::string_view text, std::size_t at) noexcept { return static_cast<std::uint8_t>(text[at]); }

std::uint16_t word_at(std::string_view text, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(byte_at(text, at) << 8 | byte_at(text, at + 1));
}

// The size of a family's two addresses, ports included.
std::size_t address_bytes(std::uint8_t family) noexcept {
  switch (family) {
    case tcp4: return 12;
    case tcp6: return 36;
    case unix_stream: return 216;
    default: return 0;
  }
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  for (std::size_t space = 0; space != text.npos;) {
    space = text.find(' ');
    found.push_back(text.substr(0, space));
    if (space != text.npos) text.remove_prefix(space + 1);
  }
  return found;
}

// Of the same family as the line says, with a port.
std::optional<IpEndpoint> endpoint_of(std::string_view address_text, std::string_view port_text, bool v6) {
  const auto address = parse_address(address_text);
  const auto port = parse_port(port_text);
  if (!address || !port || address->is_v6() != v6) return std::nullopt;
  return IpEndpoint(*address, *port);
}

template <class Address>
IpEndpoint binary_endpoint(std::string_view address, std::uint16_t port) {
  typename Address::bytes_type bytes;
  std::memcpy(bytes.data(), address.data(), bytes.size());
  return IpEndpoint(Address(bytes), port);
}

// Two addresses and two ports, as they stand behind the fixed part.
template <class Address>
void take_addresses(std::string_view payload, ProxyHeader& header) {
  constexpr std::size_t length = std::tuple_size_v<typename Address::bytes_type>;
  header.has_addresses = true;
  header.source = binary_endpoint<Address>(payload.substr(0, length), word_at(payload, 2 * length));
  header.destination = binary_endpoint<Address>(payload.substr(length, length), word_at(payload, 2 * length + 2));
}

// The checksum is that of the whole header with zeros in its own place.
bool checksum_holds(std::string whole, std::size_t at) {
  const std::uint32_t sent = std::uint32_t{word_at(whole, at)} << 16 | word_at(whole, at + 2);
  std::fill_n(whole.begin() + static_cast<std::ptrdiff_t>(at), 4, '\0');
  return crc32c(whole) == sent;
}

bool take_extras(const std::string& whole, std::size_t at, ProxyHeader& header) {
  bool checked = false;
  while (at < whole.size()) {
    if (whole.size() - at < 3) return false;
    const std::uint8_t type = byte_at(whole, at);
    const std::size_t length = word_at(whole, at + 1);
    at += 3;
    if (whole.size() - at < length) return false;
    if (type == tlv_crc32c) {
      // Only one is accepted, so that a header of many costs no more than its bytes.
      if (std::exchange(checked, true) || length != 4 || !checksum_holds(whole, at)) return false;
    }
    if (type == tlv_ssl) {
      if (length < tlv_ssl_bytes) return false;
      header.tls = byte_at(whole, at) & client_ssl;
    }
    at += length;
  }
  return true;
}

}  // namespace

ProxyHeaderReader::Step ProxyHeaderReader::next(std::string_view& input) {
  while (step_ == Step::need_more && !input.empty()) {
    bytes_ += input.front();
    input.remove_prefix(1);
    step_ = judge();
  }
  return step_;
}

// Called once for every byte.
ProxyHeaderReader::Step ProxyHeaderReader::judge() {
  if (line_begin.starts_with(bytes_) || signature.starts_with(bytes_)) return Step::need_more;
  if (bytes_.starts_with(signature)) return judge_binary();
  return bytes_.starts_with(line_begin) ? judge_line() : Step::refused;
}

ProxyHeaderReader::Step ProxyHeaderReader::judge_line() {
  const char last = bytes_.back();
  const bool after_cr = bytes_[bytes_.size() - 2] == '\r';
  if ((last == '\n') != after_cr) return Step::refused;
  if (last != '\n') {
    const bool stray = http::is_control_byte(last) && last != '\r';
    return stray || bytes_.size() == most_line_bytes ? Step::refused : Step::need_more;
  }
  const std::string_view line(bytes_.data(), bytes_.size() - 2);
  const auto said = words(line.substr(line_begin.size()));
  if (said[0] == "UNKNOWN") return Step::complete;
  const bool v6 = said[0] == "TCP6";
  if ((!v6 && said[0] != "TCP4") || said.size() != 5) return Step::refused;
  const auto source = endpoint_of(said[1], said[3], v6), destination = endpoint_of(said[2], said[4], v6);
  if (!source || !destination) return Step::refused;
  header_ = {true, *source, *destination, false};
  return Step::complete;
}

ProxyHeaderReader::Step ProxyHeaderReader::judge_binary() {
  const std::size_t size = bytes_.size();
  const std::uint8_t command = size > 12 ? byte_at(bytes_, 12) : command_proxy;
  if (command != command_local && command != command_proxy) return Step::refused;
  const std::uint8_t family = size > 13 ? byte_at(bytes_, 13) : family_unknown;
  const bool known = family == family_unknown || family == tcp4 || family == tcp6 || family == unix_stream;
  if (!known && command == command_proxy) return Step::refused;
  if (size < fixed_bytes) return Step::need_more;

  const std::size_t length = word_at(bytes_, 14);
  const std::size_t addresses = command == command_proxy ? address_bytes(family) : 0;
  if (length < addresses || fixed_bytes + length > most_bytes) return Step::refused;
  if (size < fixed_bytes + length) return Step::need_more;
  if (command == command_local) return Step::complete;  // its content is ignored

  ProxyHeader said;
  const std::string_view payload = std::string_view(bytes_).substr(fixed_bytes);
  if (family == tcp4) take_addresses<asio::ip::address_v4>(payload, said);
  if (family == tcp6) take_addresses<asio::ip::address_v6>(payload, said);
  // For a family without addresses, what follows need not be a list of TLVs.
  if (family != family_unknown && !take_extras(bytes_, fixed_bytes + addresses, said)) return Step::refused;
  header_ = said;
  return Step::complete;
}

}  // namespace sluice::SLUICE_ABI::net
