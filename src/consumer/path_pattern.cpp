// SPDX-License-Identifier: MIT
#include "consumer/path_pattern.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/whole_number.hpp"

namespace sluice::SLUICE_ABI {
namespace {

constexpr std::size_t uuid_bytes = 36;

bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

}  // namespace

void refuse_route(std::string_view pattern, std::string_view why) {
  throw std::invalid_argument(fmt::format("route \"{}\": {}", pattern, why));
}

bool is_capture_name(std::string_view name) noexcept {
  const auto fits = [](char c) { return is_letter(c) || is_digit(c) || c == '_'; };
  return !name.empty() && !is_digit(name.front()) && std::ranges::all_of(name, fits);
}

/// For one path and one piece: the bytes from which that piece and the later ones match the rest. One bit for each,
/// computed from the end to the beginning.
class PathPattern::Fits {
 public:
  Fits(const std::vector<Piece>& pieces, std::string_view path, bool whole)
      : width_(path.size() + 1), fits_((pieces.size() + 1) * width_) {
    for (std::size_t at = 0; at < width_; ++at) fits_[pieces.size() * width_ + at] = !whole || at == path.size();
    for (std::size_t piece = pieces.size(); piece-- > 0;) {
      for (std::size_t at = width_; at-- > 0;) fits_[piece * width_ + at] = fit(pieces[piece], piece, path, at);
    }
  }
  bool from(std::size_t piece, std::size_t at) const { return at < width_ && fits_[piece * width_ + at]; }

 private:
  bool fit(const Piece& piece, std::size_t index, std::string_view path, std::size_t at) const {
    if (piece.name.empty()) {
      const std::size_t end = at + piece.literal.size();
      return from(index + 1, end) && path.substr(at).starts_with(piece.literal);
    }
    if (piece.converter == Converter::uuid) {
      return from(index + 1, at + uuid_bytes) && is_uuid(path.substr(at, uuid_bytes));
    }
    if (at == path.size() || !takes(piece.converter, path[at])) return false;
    return from(index + 1, at + 1) || from(index, at + 1);  // it ends here, or continues
  }

  std::size_t width_;
  std::vector<bool> fits_;
};

PathPattern::PathPattern(std::string_view pattern) : RoutePattern(pattern) {
  std::string_view rest = pattern.substr(std::min(pattern.find_first_not_of('/'), pattern.size()));
  while (!rest.empty()) {
    const std::size_t text_end = std::min(rest.find('<'), rest.size());
    if (text_end > 0) pieces_.push_back({std::string(rest.substr(0, text_end))});
    rest.remove_prefix(text_end);
    if (rest.empty()) break;
    const std::size_t end = rest.find('>');
    if (end == rest.npos) refuse_route(pattern, "a '<' without its '>'");
    add_capture(rest.substr(1, end - 1));
    rest.remove_prefix(end + 1);
  }
}

void PathPattern::add_capture(std::string_view inside) {
  const std::size_t colon = inside.find(':');
  const std::string_view kind = colon == inside.npos ? "str" : inside.substr(0, colon);
  const std::string_view name = colon == inside.npos ? inside : inside.substr(colon + 1);
  const auto converter = converter_named(kind);
  if (!converter) {
    refuse_route(text(), fmt::format("no converter \"{}\"; there are str, int, slug, uuid, path", kind));
  }
  if (!is_capture_name(name)) refuse_route(text(), fmt::format("\"{}\" is no name for a capture", name));
  if (std::ranges::find(pieces_, name, &Piece::name) != pieces_.end()) {
    refuse_route(text(), fmt::format("two captures are named \"{}\"", name));
  }
  pieces_.push_back({{}, std::string(name), *converter});
}

std::optional<PathPattern::Converter> PathPattern::converter_named(std::string_view name) noexcept {
  if (name == "str") return Converter::str;
  if (name == "int") return Converter::integer;
  if (name == "slug") return Converter::slug;
  if (name == "uuid") return Converter::uuid;
  if (name == "path") return Converter::path;
  return std::nullopt;
}

bool PathPattern::takes(Converter converter, char c) noexcept {
  switch (converter) {
    case Converter::str: return c != '/';
    case Converter::integer: return is_digit(c);
    case Converter::slug: return is_letter(c) || is_digit(c) || c == '-' || c == '_';
    case Converter::path: return c != '\n' && c != '\r';
    case Converter::uuid: break;
  }
  return false;
}

// In lower case, as in Django.
bool PathPattern::is_uuid(std::string_view text) noexcept {
  if (text.size() != uuid_bytes) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_digit(text[i]) && !(text[i] >= 'a' && text[i] <= 'f')) return false;
  }
  return true;
}

std::optional<RoutePattern::Match> PathPattern::match(std::string_view path, bool whole) const {
  if (!pieces_.empty() && !path.starts_with(pieces_.front().literal)) return std::nullopt;  // most routes end here
  const Fits fits(pieces_, path, whole);
  if (!fits.from(0, 0)) return std::nullopt;

  Match match;
  std::size_t at = 0;
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    const Piece& piece = pieces_[i];
    if (piece.name.empty()) {
      at += piece.literal.size();
      continue;
    }
    std::size_t end = at + uuid_bytes;
    for (std::size_t next = at; piece.converter != Converter::uuid && next < path.size(); ++next) {
      if (!takes(piece.converter, path[next])) break;
      if (fits.from(i + 1, next + 1)) end = next + 1;
    }
    const std::string_view taken = path.substr(at, end - at);
    at = end;
    if (piece.converter != Converter::integer) {
      match.captured.kwargs.emplace_back(piece.name, std::string(taken));
    } else if (const auto number = whole_number<std::int64_t>(taken)) {
      match.captured.kwargs.emplace_back(piece.name, *number);
    } else {
      return std::nullopt;  // more than 64 bits
    }
  }
  match.length = at;
  return match;
}

}  // namespace sluice::SLUICE_ABI
