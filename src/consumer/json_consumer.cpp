// SPDX-License-Identifier: MIT
#include "sluice/consumer/json_consumer.hpp"

#include <utility>

namespace sluice {

Task<> JsonConsumer::receive_json(const json::Value&) { return {}; }

Task<> JsonConsumer::receive_invalid(const Message& message, const Error&) {
  if (message.is_binary()) {
    close(CloseReason(close_code::unsupported_data, "this endpoint takes JSON text"));
  } else {
    close(CloseReason(close_code::invalid_payload, "not JSON"));
  }
  return {};
}

Task<> JsonConsumer::receive(const Message& message) {
  if (message.is_binary()) {
    error_.emplace(ErrorCode::type_mismatch, "a binary message where JSON text is expected");
    return receive_invalid(message, *error_);
  }
  auto parsed = json::Document::parse(message.data());
  if (!parsed) {
    error_.emplace(parsed.error());
    return receive_invalid(message, *error_);
  }
  document_ = std::move(*parsed);
  root_ = document_->root();
  return receive_json(root_);
}

}  // namespace sluice
