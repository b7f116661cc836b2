// SPDX-License-Identifier: MIT
#include "layer/names.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <regex>
#include <stdexcept>

#include "json/quoted.hpp"
#include "sluice/layer/channel_layer.hpp"

namespace sluice::SLUICE_ABI {
namespace {

constexpr std::size_t name_limit = 100;  // a name is shorter than this (behaviour CL-2)

bool is_name_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

bool all_name_characters(std::string_view text) noexcept { return std::ranges::all_of(text, is_name_character); }

}  // namespace

bool is_valid_group_name(std::string_view name) noexcept {
  return !name.empty() && name.size() < name_limit && all_name_characters(name);
}

bool is_valid_channel_name(std::string_view name) noexcept {
  if (name.size() >= name_limit) return false;
  const std::size_t mark = name.find('!');
  const std::string_view shared_part = name.substr(0, mark);
  const std::string_view local_part = mark == name.npos ? std::string_view() : name.substr(mark + 1);
  return !shared_part.empty() && all_name_characters(shared_part) && all_name_characters(local_part);
}

Result<void> check_group_name(std::string_view what, std::string_view group) {
  if (is_valid_group_name(group)) return {};
  return Error(ErrorCode::invalid_name, fmt::format("{} {}: a group's name is 1 to 99 characters of A-Z a-z 0-9 _ . -",
                                                    what, json::in_quotes(group)));
}

Error foreign_handle(std::string_view what, std::string_view group, std::string_view handle) {
  return {ErrorCode::invalid_argument,
          fmt::format("{} {}: the {} does not come from this channel layer; use the layer that opened it", what,
                      json::in_quotes(group), handle)};
}

std::string_view non_local_name(std::string_view channel) noexcept {
  const std::size_t mark = channel.find('!');
  return mark == channel.npos ? channel : channel.substr(0, mark + 1);
}

ChannelCapacity ChannelCapacity::glob(std::string pattern, std::size_t capacity) {
  return {Syntax::glob, std::move(pattern), capacity};
}

ChannelCapacity ChannelCapacity::regex(std::string pattern, std::size_t capacity) {
  try {
    std::regex compiled(pattern);
  } catch (const std::regex_error& error) {
    throw std::invalid_argument(
        fmt::format("channel capacity: \"{}\" is no regular expression: {}", pattern, error.what()));
  }
  return {Syntax::regex, std::move(pattern), capacity};
}

bool ChannelCapacity::fits(std::string_view channel) const {
  const std::string name(channel);
  if (syntax_ == Syntax::glob) return fnmatch(pattern_.c_str(), name.c_str(), 0) == 0;
  return std::regex_search(name, std::regex(pattern_), std::regex_constants::match_continuous);
}

}  // namespace sluice::SLUICE_ABI
