// SPDX-License-Identifier: MIT
#include "net/socket/name_finder.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "net/loop/insist.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

NameFinder::Answer resolve(const std::string& host, std::uint16_t port) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_NUMERICSERV;
  addrinfo* first = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &first);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(first, &::freeaddrinfo);
  if (error == EAI_SYSTEM) return {{}, std::generic_category().message(errno)};
  if (error != 0) return {{}, ::gai_strerror(error)};
  NameFinder::Answer answer;
  for (const addrinfo* entry = first; entry; entry = entry->ai_next) {
    asio::ip::tcp::endpoint endpoint;
    if (entry->ai_addrlen > endpoint.capacity()) continue;
    endpoint.resize(entry->ai_addrlen);
    std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
    answer.endpoints.push_back(endpoint);
  }
  if (answer.endpoints.empty()) answer.failure = "the name has no address";
  return answer;
}

}  // namespace

struct NameFinder::Queue {
  struct Question {
    std::string host;
    std::uint16_t port;
    std::weak_ptr<const void> asker;
    Found found;
  };

  explicit Queue(Executor& executor) : executor(&executor) {}
  static void work(const std::shared_ptr<Queue>& queue) noexcept;
  struct Asked {
    Question question;
    Answer answer;
  };
  void answer(const std::shared_ptr<Asked>& asked);

  std::mutex mutex;
  Executor* executor;  // null: it has ended
  std::deque<Question> questions;
  bool has_thread = false;
};

void NameFinder::Queue::work(const std::shared_ptr<Queue>& queue) noexcept {
  for (;;) {
    std::unique_lock lock(queue->mutex);
    if (queue->questions.empty()) {
      queue->has_thread = false;
      return;
    }
    Question question = std::move(queue->questions.front());
    queue->questions.pop_front();
    lock.unlock();
    if (question.asker.expired()) continue;
    std::shared_ptr<Asked> asked;
    insist([&] {
      if (!asked) asked = std::make_shared<Asked>();
      asked->answer = resolve(question.host, question.port);
    });
    asked->question = std::move(question);
    insist([&] { queue->answer(asked); });
  }
}

void NameFinder::Queue::answer(const std::shared_ptr<Asked>& asked) {
  std::lock_guard lock(mutex);  // while it is held the executor does not end
  if (!executor) return;
  executor->post([asked] {
    Question question = std::move(asked->question);  // it ends here, and not with the thread
    if (const auto asker = question.asker.lock()) question.found(std::move(asked->answer));
  });
}

NameFinder::NameFinder(Executor& executor) : queue_(std::make_shared<Queue>(executor)) {}

NameFinder::~NameFinder() {
  std::deque<Queue::Question> dropped;
  std::lock_guard lock(queue_->mutex);
  queue_->executor = nullptr;
  dropped.swap(queue_->questions);
}

void NameFinder::find(std::string host, std::uint16_t port, std::weak_ptr<const void> asker, Found found) {
  std::lock_guard lock(queue_->mutex);
  queue_->questions.push_back({std::move(host), port, std::move(asker), std::move(found)});
  if (queue_->has_thread) return;
  try {
    std::thread([queue = queue_] { Queue::work(queue); }).detach();
    queue_->has_thread = true;
  } catch (const std::exception& error) {
    const auto asked = std::make_shared<Queue::Asked>(Queue::Asked{
        std::move(queue_->questions.back()), {{}, std::string("no thread to look up names in: ") + error.what()}});
    queue_->questions.pop_back();
    queue_->executor->post([asked] {
      if (const auto still = asked->question.asker.lock()) asked->question.found(std::move(asked->answer));
    });
  }
}

}  // namespace sluice::SLUICE_ABI::net
