// SPDX-License-Identifier: MIT
#include "sluice/ws/extensions.hpp"

#include <algorithm>
#include <utility>

#include "http/text.hpp"

namespace sluice::SLUICE_ABI::ws {
namespace {

// Reads one token after the other from the front, with the blanks before it.
class Scanner {
 public:
  explicit Scanner(std::string_view text) noexcept : rest_(text) {}

  bool at_end() noexcept {
    skip_blanks();
    return rest_.empty();
  }
  bool at(char c) noexcept {
    skip_blanks();
    return rest_.starts_with(c);
  }
  bool take(char c) noexcept {
    if (!at(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::optional<std::string> token() {
    skip_blanks();
    const auto end = std::ranges::find_if_not(rest_, http::is_token_char);
    const auto size = static_cast<std::size_t>(end - rest_.begin());
    if (size == 0) return std::nullopt;
    std::string taken(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return taken;
  }
  std::optional<std::string> value() { return take('"') ? rest_of_quoted() : token(); }

 private:
  void skip_blanks() noexcept { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }

  std::optional<std::string> rest_of_quoted() {
    std::string text;
    for (std::size_t at = 0; at < rest_.size(); ++at) {
      if (rest_[at] == '"') {
        rest_.remove_prefix(at + 1);
        return http::is_token(text) ? std::optional(std::move(text)) : std::nullopt;
      }
      if (rest_[at] == '\\' && ++at == rest_.size()) return std::nullopt;
      text += rest_[at];
    }
    return std::nullopt;
  }

  std::string_view rest_;
};

std::optional<ExtensionOffer> offer_in(Scanner& scanner) {
  auto name = scanner.token();
  if (!name) return std::nullopt;
  ExtensionOffer offer{std::move(*name), {}};
  while (scanner.take(';')) {
    auto parameter = scanner.token();
    if (!parameter || offer.parameters.size() == http::max_list_elements) return std::nullopt;
    std::optional<std::string> value;
    if (scanner.take('=') && !(value = scanner.value())) return std::nullopt;
    offer.parameters.push_back({std::move(*parameter), std::move(value)});
  }
  return offer;
}

}  // namespace

std::optional<std::vector<ExtensionOffer>> parse_extensions(std::string_view header) {
  std::vector<ExtensionOffer> offers;
  Scanner scanner(header);
  while (!scanner.at_end()) {
    if (scanner.take(',')) continue;  // empty elements may stand in a list (RFC 9110 section 5.6.1)
    auto offer = offer_in(scanner);
    if (!offer || !(scanner.at_end() || scanner.at(','))) return std::nullopt;
    if (offers.size() == http::max_list_elements) return std::nullopt;
    offers.push_back(std::move(*offer));
  }
  return offers;
}

}  // namespace sluice::SLUICE_ABI::ws
