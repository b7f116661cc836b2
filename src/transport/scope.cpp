// SPDX-License-Identifier: MIT
#include "sluice/transport/scope.hpp"

#include <algorithm>

#include "core/ascii.hpp"
#include "core/percent.hpp"
#include "core/quoted.hpp"

namespace sluice::SLUICE_ABI {
namespace {

// Form decoding (WHATWG URL, application/x-www-form-urlencoded): %xx and +; a lone % stays as it is.
std::string form_decode(std::string_view in) {
  std::string spaced(in);
  std::ranges::replace(spaced, '+', ' ');
  return percent_decoded_where_valid(spaced);
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Cuts the part before the separator off the front.
std::string_view take_until(std::string_view& text, char separator) noexcept {
  const std::size_t end = std::min(text.find(separator), text.size());
  std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

}  // namespace

const CapturedValue* UrlRoute::find(std::string_view name) const noexcept {
  for (const auto& [key, value] : kwargs) {
    if (key == name) return &value;
  }
  return nullptr;
}

Scope::Scope(const RequestInfo& request) : subprotocols_(static_cast<std::uint32_t>(request.subprotocols.size())) {
  const std::string_view raw_path = request.raw_path == request.path ? std::string_view() : request.raw_path;
  std::vector<std::string_view> texts{
      request.path, raw_path, request.query_string, request.scheme, request.client_address, request.server_address};
  texts.insert(texts.end(), request.subprotocols.begin(), request.subprotocols.end());
  for (const auto& [name, value] : request.headers) {
    texts.push_back(name);
    texts.push_back(value);
  }
  request_ = PackedTexts(texts);
}

std::vector<std::string_view> Scope::subprotocols() const {
  std::vector<std::string_view> offers;
  for (std::size_t i = 0; i < subprotocols_; ++i) offers.push_back(request_[fixed_texts + i]);
  return offers;
}

bool Scope::offers_subprotocol(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < subprotocols_; ++i) {
    if (request_[fixed_texts + i] == name) return true;
  }
  return false;
}

void Scope::forget_headers() {
  std::vector<std::string_view> texts;
  for (std::size_t i = 0; i < fixed_texts + subprotocols_; ++i) texts.push_back(request_[i]);
  request_ = PackedTexts(texts);
}

std::string Scope::quoted_path() const { return in_quotes(raw_path(), 200); }

const UrlRoute& Scope::url_route() const noexcept {
  static const UrlRoute nothing;
  return found_ ? found_->url_route : nothing;
}

void Scope::set_url_route(UrlRoute route) {
  if (!found_ && route.args.empty() && route.kwargs.empty()) return;
  found().url_route = std::move(route);
}

std::optional<std::string_view> Scope::header(std::string_view name) const noexcept {
  for (const auto [key, value] : headers()) {
    if (equals_ignoring_case(key, name)) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> Scope::last_header(std::string_view name) const noexcept {
  std::optional<std::string_view> last;
  for (const auto [key, value] : headers()) {
    if (equals_ignoring_case(key, name)) last = value;
  }
  return last;
}

std::optional<std::string> Scope::query_value(std::string_view name) const {
  for (std::string_view rest = query_string(); !rest.empty();) {
    std::string_view pair = take_until(rest, '&');
    const std::string_view key = take_until(pair, '=');
    if (!pair.empty() && form_decode(key) == name) return form_decode(pair);
  }
  return std::nullopt;
}

std::optional<std::string_view> Scope::cookie(std::string_view name) const noexcept {
  std::string_view rest = header("cookie").value_or("");
  while (!rest.empty()) {
    std::string_view pair = take_until(rest, ';');
    if (trim(take_until(pair, '=')) != name) continue;
    pair = trim(pair);
    if (pair.size() >= 2 && pair.front() == '"' && pair.back() == '"') pair = pair.substr(1, pair.size() - 2);
    return pair;
  }
  return std::nullopt;
}

std::optional<std::string_view> Scope::captured_text(std::string_view name) const noexcept {
  const CapturedValue* value = url_route().find(name);
  const auto* text = value ? std::get_if<std::string>(value) : nullptr;
  return text ? std::optional<std::string_view>(*text) : std::nullopt;
}

std::optional<std::int64_t> Scope::captured_int(std::string_view name) const noexcept {
  const CapturedValue* value = url_route().find(name);
  const auto* number = value ? std::get_if<std::int64_t>(value) : nullptr;
  return number ? std::optional(*number) : std::nullopt;
}

}  // namespace sluice::SLUICE_ABI
