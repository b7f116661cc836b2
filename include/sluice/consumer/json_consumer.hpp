// SPDX-License-Identifier: MIT
// A consumer whose messages are JSON (Channels: AsyncJsonWebsocketConsumer).
#pragma once

#include "sluice/abi.hpp"
#include "sluice/consumer/consumer.hpp"
#include "sluice/json/fields.hpp"
#include "sluice/json/text.hpp"
#include "sluice/json/value.hpp"

namespace sluice::SLUICE_ABI {

/// Receives and sends JSON. Its executor only.
class SLUICE_API JsonConsumer : public Consumer {
 public:
  /// A message from the client, parsed; the value is valid until the returned task has finished.
  virtual Task<> receive_json(const json::Value& content);
  /// A message that is no JSON text. The default closes: 1003 for binary, 1007 for malformed JSON (behaviour LC-18);
  /// override it with `return {};` to ignore such messages.
  virtual Task<> receive_invalid(const Message& message, const Error& error);

  Task<> receive(const Message& message) final;

 protected:
  /// Sends any described struct, container, json::Text or json::Value as JSON.
  template <class T>
  void send_json(const T& content) {
    send_text(json::encode(content).view());
  }
  void send_json(const json::Text& content) { send_text(content.view()); }

 private:
  Task<> refuse(const Message& message, Error error);
};

}  // namespace sluice::SLUICE_ABI
