// SPDX-License-Identifier: MIT
#include "sluice/net/signals.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "net/socket/system_calls.hpp"

namespace sluice::SLUICE_ABI {
namespace {

constexpr std::array taken_signals{SIGINT, SIGTERM};

// The state that a signal handler may use.
std::atomic<pid_t> owner{0};  // the process that waits; 0: none does
std::atomic<int> pipe_end{-1};

extern "C" void sluice_take_stop_signal(int number) {
  const int saved = errno;
  if (::getpid() == owner.load()) {
    const auto byte = static_cast<unsigned char>(number);
    [[maybe_unused]] const ssize_t written = ::write(pipe_end.load(), &byte, 1);  // a full pipe has a byte already
  } else {  // a forked child before its exec: it ends as without this handler
    ::signal(number, SIG_DFL);
    ::raise(number);
  }
  errno = saved;
}

}  // namespace

struct StopSignals::Taken {
  std::array<int, 2> pipe{-1, -1};
  std::array<struct sigaction, taken_signals.size()> before{};
  bool given_back = false;

  void give_back() noexcept {
    if (given_back) return;
    given_back = true;
    for (std::size_t i = 0; i < taken_signals.size(); ++i) ::sigaction(taken_signals[i], &before[i], nullptr);
    owner = 0;
  }
  ~Taken() {
    give_back();
    for (const int end : pipe) {
      if (end >= 0) ::close(end);
    }
  }
};

StopSignals::StopSignals() {
  pid_t none = 0;
  if (!owner.compare_exchange_strong(none, ::getpid()) && none == ::getpid()) {
    throw std::logic_error("StopSignals: this process has one already, and signals can't be divided");
  }
  owner = ::getpid();
  taken_ = std::make_unique<Taken>();
  if (::pipe2(taken_->pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    taken_->given_back = true;
    owner = 0;
    throw std::system_error(errno, std::generic_category(), "StopSignals: pipe2");
  }
  pipe_end = taken_->pipe[1];
  struct sigaction take {};
  take.sa_handler = sluice_take_stop_signal;
  take.sa_flags = SA_RESTART;
  ::sigemptyset(&take.sa_mask);
  for (std::size_t i = 0; i < taken_signals.size(); ++i) ::sigaction(taken_signals[i], &take, &taken_->before[i]);
}

StopSignals::~StopSignals() = default;

int StopSignals::wait() {
  unsigned char number = 0;
  // Blocking from here on. The write end stays as it is: a handler must never wait.
  ::fcntl(taken_->pipe[0], F_SETFL, ::fcntl(taken_->pipe[0], F_GETFL) & ~O_NONBLOCK);
  (void)net::uninterrupted([&] { return ::read(taken_->pipe[0], &number, 1); });
  taken_->give_back();
  return number;
}

}  // namespace sluice::SLUICE_ABI
