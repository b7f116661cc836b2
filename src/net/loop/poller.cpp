// SPDX-License-Identifier: MIT
#include "net/loop/poller.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include <asio/error.hpp>

namespace sluice::SLUICE_ABI::net {
namespace {

// The most events per call; then other jobs of the executor run.
constexpr std::size_t told_per_turn = 256;
constexpr auto pause_after_failure = std::chrono::milliseconds(10);

int make_set() {
  const int set = ::epoll_create1(EPOLL_CLOEXEC);
  if (set < 0) throw std::system_error(errno, std::generic_category(), "AsioServer: epoll_create1");
  return set;
}

}  // namespace

Poller::Poller(AsioExecutor& executor, Notify notify) : executor_(executor), notify_(notify), set_(executor.context()) {
  const int set = make_set();
  try {
    set_.assign(set);
  } catch (...) {
    ::close(set);
    throw;
  }
  set_.non_blocking(true);  // or Asio asks for it at the first wait, where it could fail
}

bool Poller::add(int descriptor, void* owner) noexcept {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = owner;
  if (::epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, descriptor, &event) != 0) return false;
  if (!std::exchange(waits_, true)) wait();
  return true;
}

void Poller::remove(int descriptor) noexcept {
  epoll_event ignored{};
  ::epoll_ctl(set_.native_handle(), EPOLL_CTL_DEL, descriptor, &ignored);
}

void Poller::wait() noexcept {
  set_.async_wait(Descriptor::wait_read, memory_.hold([weak = weak_from_this()](const std::error_code& error) {
    auto self = weak.lock();
    if (!self || error == asio::error::operation_aborted) return;
    AsioExecutor& executor = self->executor_;
    try {
      executor.run([self, failed = static_cast<bool>(error)] { failed ? self->wait_later() : self->tell_all(); });
    } catch (...) {  // no memory to queue it behind another thread's turn: Asio reports it again at once
      self->wait();
    }
  }));
}

// The system had no room for the wait.
void Poller::wait_later() noexcept {
  try {
    executor_.post_after(pause_after_failure, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->tell_all();
    });
  } catch (...) {
    tell_all();
  }
}

void Poller::tell_all() noexcept {
  std::array<epoll_event, told_per_turn> events;
  const int count = ::epoll_wait(set_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    const auto reported = events[static_cast<std::size_t>(i)].events;
    notify_(events[static_cast<std::size_t>(i)].data.ptr,
            {(reported & EPOLLIN) != 0, (reported & EPOLLOUT) != 0,
             (reported & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0, i == 0});
  }
  wait();
}

}  // namespace sluice::SLUICE_ABI::net
