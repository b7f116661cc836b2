// SPDX-License-Identifier: MIT
#include "net/stage/http_reader.hpp"

#include <algorithm>
#include <variant>

namespace sluice::SLUICE_ABI::net {

HttpReader::Step HttpReader::next(std::string_view& input) {
  if (in_body_) return read_body(input);
  if (!input.empty()) begun_ = true;
  const auto come = heads_.next(input);
  head_only_ = heads_.method() == "HEAD";
  switch (come) {
    case http::HeadParser::Step::need_more: return Step::need_more;
    case http::HeadParser::Step::refused: refusal_ = heads_.refusal(); return Step::refused;
    case http::HeadParser::Step::complete: break;
  }
  head_ = heads_.take_head();
  const Step step = judge();
  return step == Step::request && in_body_ ? read_body(input) : step;
}

HttpReader::Step HttpReader::judge() {
  auto wanted = ws::check_upgrade(head_);
  if (auto* refusal = std::get_if<http::Refusal>(&wanted)) {
    refusal_ = std::move(*refusal);
    return Step::refused;
  }
  if (auto* upgrade = std::get_if<ws::Upgrade>(&wanted)) {
    upgrade_ = std::move(*upgrade);
    return Step::upgrade;
  }
  if (head_.content_length == 0) {
    begun_ = false;
    return Step::request;
  }
  in_body_ = true;
  return head_.expects_continue ? Step::expects_continue : Step::request;
}

HttpReader::Step HttpReader::read_body(std::string_view& input) {
  const std::size_t taken = std::min(input.size(), head_.content_length - body_.size());
  body_ += input.substr(0, taken);
  input.remove_prefix(taken);
  if (body_.size() < head_.content_length) return Step::need_more;
  in_body_ = begun_ = false;
  return Step::request;
}

}  // namespace sluice::SLUICE_ABI::net
