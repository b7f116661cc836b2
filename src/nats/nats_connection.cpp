// SPDX-License-Identifier: MIT
#include "nats/nats_connection.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <thread>
#include <utility>

#include "core/random.hpp"
#include "nats/open_connections.hpp"
#include "sluice/core/log.hpp"

namespace sluice::SLUICE_ABI::nats {
namespace {

Error error_of(natsStatus status, std::string_view doing) {
  natsStatus last = NATS_OK;
  const char* const text = nats_GetLastError(&last);
  const bool says_more = last == status && text && *text;
  const auto code = status == NATS_NOT_PERMITTED ? ErrorCode::refused : ErrorCode::io_failed;
  return {code, fmt::format("{}: {}", doing, says_more ? text : natsStatus_GetText(status))};
}
Error no_memory() { return {ErrorCode::io_failed, "no memory"}; }

constexpr int most_left_behind = 4;

}  // namespace

// What cnats calls, on its own threads. Nothing may be thrown through its C code. Whatever it reports ends the
// connection, a slow reader and a missing permission too: something was lost, and consumers receive LayerDown.
struct NatsConnection::Callbacks {
  template <class Work>
  static void run(void* id, Work work) noexcept {
    const std::shared_ptr<NatsConnection> to = OpenConnections::instance().find(id);
    try {
      if (to) work(*to);
    } catch (const std::exception&) {
      to->fail(nullptr, no_memory());
    }
  }
  static void message(natsConnection*, natsSubscription*, natsMsg* raw, void* id) {
    const std::unique_ptr<natsMsg, decltype(&natsMsg_Destroy)> message(raw, natsMsg_Destroy);
    run(id, [raw](NatsConnection& to) { to.received(raw); });
  }
  static void error(natsConnection* of, natsSubscription*, natsStatus status, void* id) {
    run(id, [of, status](NatsConnection& to) {
      if (status == NATS_SLOW_CONSUMER) ++to.counters_->dropped;
      to.fail(of, error_of(status, "receive"));
    });
  }
  static void closed(natsConnection* of, void* id) {
    run(id, [of](NatsConnection& to) { to.fail(of, error_of(NATS_CONNECTION_CLOSED, "lost")); });
  }
};

std::shared_ptr<NatsConnection> NatsConnection::open(const NatsOptions& options, Executor& executor, NatsEvents& events,
                                                     std::shared_ptr<NatsCounters> counters) {
  if (options.servers.empty()) throw std::invalid_argument("NatsOptions: servers is empty");
  for (const std::string& server : options.servers) (void)settings_for(options, server);
  const auto made = std::make_shared<NatsConnection>(options, executor, events, std::move(counters));
  made->id_ = OpenConnections::instance().add(made);
  std::thread([made] { made->run(); }).detach();
  return made;
}

NatsConnection::NatsConnection(const NatsOptions& options, Executor& executor, NatsEvents& events,
                               std::shared_ptr<NatsCounters> counters)
    : options_(options),
      counters_(std::move(counters)),
      back_off_(options.reconnect_min, options.reconnect_max),
      echo_secret_(random_hex(16)),
      executor_(executor),
      events_(&events) {}

void NatsConnection::connect(const std::string& own) {
  std::lock_guard lock(mutex_);
  own_ = own;  // allocates at the first call only
  operations_.clear();
  wanted_ = true;
  changed_.notify_one();
}

std::uint64_t NatsConnection::add(Kind kind, std::string subject, std::string body) {
  std::lock_guard lock(mutex_);
  operations_.push_back({kind, std::move(subject), std::move(body), last_number_ + 1});
  changed_.notify_one();
  return ++last_number_;
}

void NatsConnection::release(std::size_t memory) {
  std::lock_guard lock(mutex_);
  --unread_events_;
  unread_bytes_ -= memory;
}

void NatsConnection::close() {
  OpenConnections::instance().is_closing();
  std::lock_guard lock(mutex_);
  events_ = nullptr;
  changed_.notify_one();
}

// Under the lock.
template <class Report>
void NatsConnection::post(Report report) {
  if (!events_) return;
  executor_.post([self = shared_from_this(), report = std::move(report)]() mutable {
    try {
      if (self->events_) report(*self->events_);
    } catch (const std::bad_alloc&) {
      self->fail(nullptr, no_memory());
    }
  });
}

void NatsConnection::received(natsMsg* raw) {
  NatsMessage message{natsMsg_GetSubject(raw),
                      {natsMsg_GetData(raw), static_cast<std::size_t>(natsMsg_GetDataLength(raw))}};
  const std::size_t memory = message.memory();
  std::unique_lock lock(mutex_);
  if (message.subject == own_ + '!') {  // no consumer's number is '!'
    if (message.body == echo_) echoed_ = true;
    return changed_.notify_one();
  }
  if (unread_events_ > 0 &&
      (unread_events_ >= options_.unread_events || unread_bytes_ + memory > options_.unread_bytes)) {
    ++counters_->dropped;
    lock.unlock();
    return fail(nullptr, Error(ErrorCode::limit_exceeded, "receive: more arrives than is read"));
  }
  post([message = std::move(message)](NatsEvents& events) mutable { events.received(std::move(message)); });
  ++unread_events_;
  unread_bytes_ += memory;
}

// `of`: the connection that failed; null: the current one.
void NatsConnection::fail(natsConnection* of, Error error) {
  std::lock_guard lock(mutex_);
  if ((of && of != connection_) || failure_) return;
  failure_.emplace(std::move(error));
  changed_.notify_one();
}

void NatsConnection::run() {
  for (bool open = true; open;) {
    try {
      open = dial();
      if (open) serve();
    } catch (const std::exception&) {
      fail(nullptr, no_memory());
    }
    hang_up();
    std::unique_lock lock(mutex_);
    while (events_ && failure_) {
      try {
        const Error error = *failure_;
        lock.unlock();
        log_.write(LogLevel::warning, "lost", [&] { return "NATS layer: lost the server: " + error.context(); });
        lock.lock();
        wanted_ = false;  // until the executor has seen the loss, and calls connect()
        post([error, handed = handed_](NatsEvents& events) { events.lost(error, handed); });
        failure_.reset();
      } catch (const std::bad_alloc&) {
        changed_.wait_for(lock, std::chrono::milliseconds(10));
      }
    }
  }
  nats_ReleaseThreadMemory();
  OpenConnections::instance().remove(id_);
}

// An attempt to connect, under the connection's lock. cnats sets no limit to the TLS handshake: an attempt has a thread
// of its own, and is left behind when it takes too long.
struct NatsConnection::Attempt {
  natsConnection* made = nullptr;
  std::string failure;
  bool ended = false, left_behind = false;

  static void run(const std::shared_ptr<Attempt>& attempt, NatsConnection& owner, natsOptions* settings) noexcept {
    natsConnection* made = nullptr;
    const natsStatus status = natsConnection_Connect(&made, settings);
    std::string failure;
    try {
      if (status != NATS_OK) failure = error_of(status, "connect").context();
    } catch (const std::bad_alloc&) {}
    nats_ReleaseThreadMemory();
    std::unique_lock lock(owner.mutex_);
    attempt->ended = true;
    attempt->failure = std::move(failure);
    if (!attempt->left_behind) {
      attempt->made = made;
    } else {
      --owner.left_behind_;
      lock.unlock();
      natsConnection_Destroy(made);
    }
    owner.changed_.notify_all();
  }
};

// Returns false once it is closed.
bool NatsConnection::dial() {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return (wanted_ && left_behind_ < most_left_behind) || !events_; });
    if (attempts_ > 0) changed_.wait_for(lock, back_off_.next(), [this] { return !events_; });
    if (!events_) return false;
    failure_.reset();
    const std::string& server = options_.servers[attempts_++ % options_.servers.size()];
    const auto attempt = std::make_shared<Attempt>();
    try {
      lock.unlock();  // certificates are read from files
      Settings settings = settings_for(options_, server);
      lock.lock();
      natsOptions_SetClosedCB(settings.get(), Callbacks::closed, id_);
      natsOptions_SetErrorHandler(settings.get(), Callbacks::error, id_);
      std::thread([attempt, self = shared_from_this(), settings = std::move(settings)] {
        Attempt::run(attempt, *self, settings.get());
      }).detach();
      changed_.wait_for(lock, 3 * options_.answer_time, [&] { return attempt->ended || !events_; });
      if (!attempt->ended) attempt->failure = "no answer";
    } catch (const std::exception& error) {  // for example, a certificate that is missing now
      if (!lock) lock.lock();
      attempt->failure = error.what();
      attempt->ended = true;
    }
    if (!attempt->made) {
      if (!attempt->ended) ++left_behind_;
      attempt->left_behind = true;
      if (!events_) return false;
      lock.unlock();
      log_.write(LogLevel::warning, "connect",
                 [&] { return fmt::format("NATS layer: {}: {}", server, attempt->failure); });
      continue;
    }
    connection_ = attempt->made;
    wanted_ = false;
    if (natsConnection_IsClosed(connection_)) failure_.emplace(ErrorCode::io_failed, "lost at once");
    lock.unlock();
    (void)perform({Kind::subscribe, own_ + '*', {}, handed_});
    if (!round_trip()) return true;
    lock.lock();
    const auto most = static_cast<std::size_t>(natsConnection_GetMaxPayload(connection_));
    post([most](NatsEvents& events) { events.connected(most); });
    return true;
  }
}

void NatsConnection::serve() {
  const auto connected_at = std::chrono::steady_clock::now();
  for (natsStatus status = NATS_OK;;) {
    std::deque<Operation> batch;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return failure_ || !operations_.empty() || !events_; });
      if (failure_ || !events_) break;
      batch.swap(operations_);
    }
    for (auto next = batch.begin(); status == NATS_OK && next != batch.end(); ++next) {
      status = perform(*next);
      // cnats writes nothing to a connection that has ended. Otherwise a part may have left.
      if (status != NATS_CONNECTION_CLOSED) handed_ = next->number;
    }
    if (status != NATS_OK) fail(connection_, error_of(status, "send"));
    if (status != NATS_OK || !round_trip()) break;
    std::lock_guard lock(mutex_);
    post([number = handed_](NatsEvents& events) { events.answered(number); });
  }
  if (std::chrono::steady_clock::now() - connected_at >= options_.reconnect_max) back_off_.reset();
}

// Has the server processed all that was sent before, and permitted it? A flush alone proves nothing: cnats 3.4.1
// reports success as well where it could not write. It is used for writing at once.
bool NatsConnection::round_trip() {
  {
    std::lock_guard lock(mutex_);
    echo_ = echo_secret_ + std::to_string(++echoes_);
    echoed_ = false;
  }
  natsStatus status = natsConnection_PublishString(connection_, (own_ + '!').c_str(), echo_.c_str());
  if (status == NATS_OK) status = natsConnection_FlushTimeout(connection_, options_.answer_time.count());
  const char* text = nullptr;
  if (status != NATS_OK) {
    fail(connection_, error_of(status, "send"));
  } else if (natsConnection_GetLastError(connection_, &text) == NATS_NOT_PERMITTED) {
    fail(connection_, Error(ErrorCode::refused, text ? text : "not permitted"));
  }
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, options_.answer_time, [this] { return echoed_ || failure_ || !events_; });
  if (!echoed_ && !failure_) failure_.emplace(ErrorCode::timed_out, "send: no answer");
  return !failure_;
}

natsStatus NatsConnection::perform(const Operation& operation) {
  const char* const subject = operation.subject.c_str();
  if (operation.kind == Kind::publish) {
    return natsConnection_Publish(connection_, subject, operation.body.data(), static_cast<int>(operation.body.size()));
  }
  if (operation.kind == Kind::unsubscribe) {
    const auto found = subscriptions_.find(operation.subject);
    if (found != subscriptions_.end()) natsSubscription_Destroy(subscriptions_.extract(found).mapped());
    return NATS_OK;
  }
  const auto [place, is_new] = subscriptions_.try_emplace(operation.subject, nullptr);
  if (!is_new) return NATS_OK;
  const natsStatus status =
      operation.kind == Kind::subscribe
          ? natsConnection_Subscribe(&place->second, connection_, subject, Callbacks::message, id_)
          : natsConnection_QueueSubscribe(&place->second, connection_, subject, "sluice", Callbacks::message, id_);
  if (status != NATS_OK) subscriptions_.erase(place);
  return status;
}

// Subscriptions end with their connection: no unsubscribe is needed.
void NatsConnection::hang_up() {
  natsConnection_Close(connection_);
  for (const auto& [subject, subscription] : subscriptions_) natsSubscription_Destroy(subscription);
  subscriptions_.clear();
  natsConnection_Destroy(connection_);
  std::lock_guard lock(mutex_);
  connection_ = nullptr;
}

}  // namespace sluice::SLUICE_ABI::nats
