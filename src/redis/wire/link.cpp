// SPDX-License-Identifier: MIT
#include "redis/wire/link.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::SLUICE_ABI::redis {
namespace {

// The server answers, but does not serve us: it became a replica, or is loading its data. In scripts' errors the word
// is somewhere in the sentence.
bool is_of_no_use(const Reply& reply) {
  if (!reply.is_error()) return false;
  if (reply.text.find("READONLY") != reply.text.npos) return true;
  constexpr std::array words{"LOADING", "MASTERDOWN", "NOAUTH", "UNBLOCKED"};
  return std::ranges::any_of(words, [&](const char* word) { return reply.is_error(word); });
}

// An ACL, or a renamed command: the server works, and gives no more information.
bool is_refused_command(const Reply& reply) {
  return reply.is_error("NOPERM") || (reply.is_error() && reply.text.starts_with("ERR unknown command"));
}

}  // namespace

Error unexpected(std::string_view what, const Reply& reply) {
  return Error(ErrorCode::layer_unavailable,
               fmt::format("{}: Redis answers {}", what, reply.is_error() ? reply.text : "something else"));
}

std::shared_ptr<Link> Link::open(Dialer& dialer, const Endpoint& to, Executor& executor, Greeting greeting,
                                 std::chrono::milliseconds answer_time, Events events) {
  auto link = std::make_shared<Link>(executor, std::move(greeting), answer_time, std::move(events));
  link->stream_ = dialer.dial(to, executor, *link);
  link->watch();
  return link;
}

Link::Link(Executor& executor, Greeting greeting, std::chrono::milliseconds answer_time, Events events)
    : executor_(executor),
      greeting_(std::move(greeting)),
      answer_time_(answer_time),
      events_(std::move(events)),
      last_heard_(executor.now()) {}

void Link::on_open() {
  phase_ = Phase::greeting;
  last_heard_ = executor_.now();
  greet();
}

void Link::greet() {
  const auto say = [this](const Command& command) {
    send(command, [this, what = command.words().front()](const Result<Reply>& reply) { greeted(reply, what); }, {});
  };
  if (!greeting_.password.empty()) {
    Command auth{"AUTH"};
    if (!greeting_.username.empty()) auth.arg(greeting_.username);
    say(auth.arg(greeting_.password));
  }
  if (greeting_.database != 0) say(Command{"SELECT"}.arg(greeting_.database));
  // The last answer ends the greeting. A server that refuses this user a PING works.
  const Command last = greeting_.want_master ? Command{"ROLE"} : Command{"PING"};
  send(last,
       [this](const Result<Reply>& reply) {
         check_role(reply);
         if (reply && !is_refused_command(*reply)) greeted(reply, "PING");
         if (phase_ != Phase::greeting) return;
         phase_ = Phase::ready;
         events_.ready();
       },
       {});
}

void Link::greeted(const Result<Reply>& reply, std::string_view what) {
  if (phase_ != Phase::over && reply && reply->is_error()) lose(unexpected(what, *reply));
}

void Link::ask_role() {
  if (phase_ != Phase::ready || !asks_role()) return;
  send({"ROLE"}, [this](const Result<Reply>& reply) { check_role(reply); }, {});
}

void Link::check_role(const Result<Reply>& reply) {
  if (!greeting_.want_master || phase_ == Phase::over || !reply) return;
  if (is_refused_command(*reply)) reports_role_ = false;
  if (!reply->is_array() || reply->elements.empty()) return;
  const std::string& role = reply->elements.front().text;
  if (role != "master") lose(Error(ErrorCode::layer_unavailable, fmt::format("this Redis is a {}, no master", role)));
}

void Link::request(const Command& command, Answer answer, std::chrono::milliseconds blocks) {
  if (phase_ != Phase::over) return send(command, std::move(answer), blocks);
  executor_.post([answer = std::move(answer)]() mutable {
    answer(Error(ErrorCode::layer_unavailable, "the connection to Redis was lost"));
  });
}

void Link::send(const Command& command, Answer answer, std::chrono::milliseconds blocks) {
  if (out_.empty()) {
    executor_.post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->flush();
    });
  }
  command.write_to(out_);
  waiting_.push_back({std::move(answer), executor_.now(), blocks, command.words().front() == "SUNSUBSCRIBE"});
}

void Link::flush() {
  if (phase_ != Phase::over) stream_->write(std::exchange(out_, {}));
}

void Link::on_bytes(std::string_view bytes) {
  const auto self = shared_from_this();  // an answer's callback may release this
  last_heard_ = executor_.now();
  reader_.feed(bytes);
  while (phase_ != Phase::over) {
    auto reply = reader_.next();
    if (!reply) return lose(reply.error());
    if (!*reply) break;
    take(std::move(**reply));
  }
  if (phase_ == Phase::ready && events_.caught_up) events_.caught_up();
}

void Link::pause_reading() {
  paused_ = true;
  if (stream_) stream_->pause_reading();
}

// Redis's answers meanwhile are not read yet, so its deadline starts again.
void Link::resume_reading() {
  paused_ = false;
  last_heard_ = executor_.now();
  if (stream_) stream_->resume_reading();
}

// Without subscriptions an array that begins with such a word is an answer, such as a group's members. A subscription
// that ends without a request: its cluster slot has moved.
bool Link::is_pushed(const Reply& reply) const {
  if (!events_.pushed || !reply.is_array() || reply.elements.empty()) return false;
  const std::string& kind = reply.elements.front().text;
  if (kind == "sunsubscribe") return waiting_.empty() || !waiting_.front().unsubscribes;
  return kind == "message" || kind == "pmessage" || kind == "smessage";
}

void Link::take(Reply reply) {
  if (is_pushed(reply)) return events_.pushed(reply);
  if (waiting_.empty()) {
    if (reply.is_error()) return lose(unexpected("unasked", reply));  // for example, too many clients
    return;
  }
  const bool of_no_use = is_of_no_use(reply);
  const Error error = unexpected("a command", reply);
  Answer answer = std::move(waiting_.front().answer);
  waiting_.pop_front();
  answer(std::move(reply));
  if (of_no_use && phase_ != Phase::over) lose(error);
}

void Link::on_closed(const Error& error) {
  const auto self = shared_from_this();
  lose(error);
}

void Link::lose(const Error& error) {
  end(error);
  if (events_.lost) std::exchange(events_.lost, nullptr)(error);
}

void Link::close(std::string_view why) {
  if (phase_ == Phase::over) return;
  events_.lost = nullptr;
  end(Error(ErrorCode::layer_unavailable, std::string(why)));
}

void Link::end(const Error& error) {
  phase_ = Phase::over;
  stream_.reset();
  for (Waiting& waiting : std::exchange(waiting_, {})) waiting.answer(error);
}

// A timer that fires four times within answer_time finds an overdue answer late by a quarter at most.
void Link::watch() {
  executor_.post_after(answer_time_ / 4, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->phase_ == Phase::over) return;
    self->watch();
    self->look_at_the_clock();
  });
}

void Link::look_at_the_clock() {
  if (paused_) return;
  const auto now = executor_.now();
  auto since = last_heard_;
  auto patience = answer_time_;
  if (!waiting_.empty()) {
    since = std::max(since, waiting_.front().since);
    patience += waiting_.front().blocks;
  }
  if (now - since < patience) return;
  if (phase_ == Phase::ready && waiting_.empty()) {  // an idle connection: check that the other end still answers
    return asks_role() ? ask_role() : send({"PING"}, [](const Result<Reply>&) {}, {});
  }
  lose(Error(ErrorCode::timed_out, fmt::format("Redis has not answered for {} ms", patience.count())));
}

}  // namespace sluice::SLUICE_ABI::redis
