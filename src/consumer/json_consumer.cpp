// SPDX-License-Identifier: MIT
#include "sluice/consumer/json_consumer.hpp"

#include <memory>
#include <utility>

#include "sluice/json/document.hpp"

namespace sluice::SLUICE_ABI {

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
  if (message.is_binary())
    return refuse(message, {ErrorCode::type_mismatch, "a binary message where JSON text is due"});
  auto parsed = json::Document::parse(message.data());
  if (!parsed) return refuse(message, parsed.error());
  Task<> task = receive_json(parsed->root());
  if (!task.finished()) {
    const std::size_t bytes = parsed->memory();
    keep_until_handled(std::make_shared<json::Document>(std::move(*parsed)), bytes);
  }
  return task;
}

Task<> JsonConsumer::refuse(const Message& message, Error error) {
  const auto kept = std::make_shared<Error>(std::move(error));
  keep_until_handled(kept);
  return receive_invalid(message, *kept);
}

}  // namespace sluice::SLUICE_ABI
