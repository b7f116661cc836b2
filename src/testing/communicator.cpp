// SPDX-License-Identifier: MIT
#include "sluice/testing/communicator.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/ascii.hpp"
#include "core/percent.hpp"
#include "sluice/core/log.hpp"

namespace sluice::SLUICE_ABI::testing {
namespace {

RequestInfo request_info(const ClientRequest& request) {
  RequestInfo info;
  const std::size_t query = std::min(request.target.find('?'), request.target.size());
  info.raw_path = request.target.substr(0, query);
  info.path = percent_decoded_where_valid(info.raw_path);
  if (query < request.target.size()) info.query_string = request.target.substr(query + 1);
  for (const auto& [name, value] : request.headers) info.headers.emplace_back(lower_case(name), value);
  info.subprotocols = request.subprotocols;
  info.client_address = request.client_address;
  info.server_address = "127.0.0.1:80";
  return info;
}

}  // namespace

Communicator::Communicator(ManualExecutor& executor, Gateway& gateway, ClientRequest request)
    : executor_(executor),
      gateway_(gateway),
      request_(std::move(request)),
      connection_(std::make_shared<RecordingConnection>(executor)) {}

Communicator::Communicator(ManualExecutor& executor, std::shared_ptr<Application> application, ClientRequest request,
                           HostOptions options)
    : executor_(executor),
      own_host_(std::make_unique<Host>(std::move(application), options)),
      gateway_(*own_host_),
      request_(std::move(request)),
      connection_(std::make_shared<RecordingConnection>(executor)) {}

Communicator::Communicator(ManualExecutor& executor, std::shared_ptr<Application> application, ChannelLayer& layer,
                           ClientRequest request, HostOptions options)
    : executor_(executor),
      own_host_(std::make_unique<Host>(std::move(application), layer, options)),
      gateway_(*own_host_),
      request_(std::move(request)),
      connection_(std::make_shared<RecordingConnection>(executor)) {}

Communicator::~Communicator() {
  try {
    if (knocked_) vanish();
  } catch (const std::exception& error) {
    log(LogLevel::error, fmt::format("Communicator for {}: {}", request_.target, error.what()));
  }
}

bool Communicator::knock() {
  if (!knocked_) {
    knocked_ = true;
    executor_.run([this] { connection_->open(gateway_, Scope(request_info(request_))); });
  }
  executor_.run_all();
  return !connection_->untaken().empty();
}

Opened Communicator::connect() {
  knock();
  const Heard answer = expect("connect", [](const Heard& heard) {
    return std::holds_alternative<Acceptance>(heard) || std::holds_alternative<Denial>(heard);
  });
  if (const auto* acceptance = std::get_if<Acceptance>(&answer)) {
    return {.accepted = true, .subprotocol = acceptance->subprotocol(), .headers = acceptance->headers()};
  }
  const auto& denial = std::get<Denial>(answer);
  return {.http_status = denial.http_status(), .body = denial.body(), .headers = denial.headers()};
}

void Communicator::say(std::string_view text) {
  connection_->say(Message::text(std::string(text)));
  executor_.run_all();
}

void Communicator::say_binary(std::string_view bytes) {
  connection_->say(Message::binary(std::string(bytes)));
  executor_.run_all();
}

std::string Communicator::hear() { return expect_message("hear", MessageKind::text); }

std::string Communicator::hear_binary() { return expect_message("hear_binary", MessageKind::binary); }

json::Document Communicator::hear_json() {
  const std::string text = hear();
  auto document = json::Document::parse(text);
  if (!document) throw NotHeard(fmt::format("hear_json: {} in: {}", document.error().message(), text));
  return std::move(*document);
}

CloseReason Communicator::hear_close() {
  const auto is_close = [](const Heard& heard) { return std::holds_alternative<CloseReason>(heard); };
  return std::get<CloseReason>(expect("hear_close", is_close));
}

bool Communicator::hear_nothing() {
  executor_.run_all();
  return connection_->untaken().empty();
}

std::string Communicator::hear_all() {
  executor_.run_all();
  std::string lines;
  while (const auto heard = connection_->take()) {
    if (!lines.empty()) lines += '\n';
    lines += to_string(*heard);
  }
  return lines;
}

void Communicator::disconnect(CloseReason reason) {
  connection_->say_close(std::move(reason));
  executor_.run_all();
}

void Communicator::stop_server(CloseReason reason) {
  connection_->stop(std::move(reason));
  executor_.run_all();
}

void Communicator::vanish() {
  connection_->vanish();
  executor_.run_all();
}

bool Communicator::finished() {
  executor_.run_all();
  return connection_->released();
}

Host& Communicator::host() const {
  if (!own_host_) throw std::logic_error("Communicator::host: it was made for a gateway, not for an application");
  return *own_host_;
}

std::string Communicator::expect_message(std::string_view verb, MessageKind kind) {
  Heard heard = expect(verb, [kind](const Heard& next) {
    const auto* message = std::get_if<Message>(&next);
    return message && message->kind() == kind;
  });
  return std::get<Message>(std::move(heard)).take_data();
}

template <class Fits>
Heard Communicator::expect(std::string_view verb, Fits fits) {
  const bool came = executor_.run_until([this] { return !connection_->untaken().empty(); }, patience_);
  if (!came || !fits(connection_->untaken().front())) throw NotHeard(fmt::format("{}: {}", verb, what_came()));
  return *connection_->take();
}

// For an error: the next event, or why there is none.
std::string Communicator::what_came() const {
  if (!knocked_) return "nothing was said, because connect() was not called";
  if (!connection_->untaken().empty()) return fmt::format("next comes `{}`", to_string(connection_->untaken().front()));
  if (connection_->ended()) return "nothing comes any more, the connection has ended";
  return fmt::format("nothing comes; every job has run, and {} timer(s) wait for executor.advance()",
                     executor_.timers());
}

}  // namespace sluice::SLUICE_ABI::testing
