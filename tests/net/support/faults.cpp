// SPDX-License-Identifier: MIT
#include "net/support/faults.hpp"

#include <dlfcn.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <map>

#include "net/support/served.hpp"

namespace sluice::test {
namespace {

// Written while the executor's thread waits for the writer, and so for no one to race with.
enum class Plan { none, nth_fails, crumbs } plan = Plan::none;
std::uint64_t calls_left = 0;
std::uint64_t random_state = 0;
int error_number = 0;
std::atomic<const char*> failed_call{nullptr};
thread_local bool here = false;

// The C library's function, or a sanitizer's in front of it.
template <class Function>
Function* next(const char* name) {
  void* const found = ::dlsym(RTLD_NEXT, name);
  if (!found) std::abort();
  return reinterpret_cast<Function*>(found);
}

bool fails(const char* call) {
  if (!here || plan != Plan::nth_fails || --calls_left != 0) return false;
  failed_call = call;
  errno = error_number;
  return true;
}

enum class Fate { whole, one_byte, fails };

Fate fate_of_transfer(const char* call) {
  if (fails(call)) return Fate::fails;
  if (!here || plan != Plan::crumbs) return Fate::whole;
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  switch (random_state >> 60) {
    case 0: errno = EINTR; return Fate::fails;
    case 1: errno = EAGAIN; return Fate::fails;
    default: return Fate::one_byte;
  }
}

struct Watched {
  int set;
  epoll_event event;
};
std::map<int, Watched> watched;  // by descriptor; of the thread that is here

// A crumb was not all there is, so the kernel would not tell of the rest by itself: as if it had come only now.
void tell_again(int descriptor) {
  static auto* const real = next<decltype(epoll_ctl)>("epoll_ctl");
  if (!here || plan != Plan::crumbs) return;
  const auto found = watched.find(descriptor);
  if (found == watched.end()) return;
  const int before = errno;
  real(found->second.set, EPOLL_CTL_MOD, descriptor, &found->second.event);
  errno = before;
}

}  // namespace

Faults::Faults(Executor& executor) : executor_(executor) {}

Faults Faults::nth_fails(Executor& executor, std::uint64_t nth, int error) {
  run_on(executor, [=] {
    here = true;
    calls_left = nth;
    error_number = error;
    failed_call = nullptr;
    plan = Plan::nth_fails;
  });
  return Faults(executor);
}

Faults Faults::crumbs(Executor& executor, std::uint64_t seed) {
  run_on(executor, [=] {
    here = true;
    random_state = seed;
    plan = Plan::crumbs;
  });
  return Faults(executor);
}

Faults::~Faults() {
  run_on(executor_, [] {
    here = false;
    plan = Plan::none;
  });
}

std::string Faults::failed() const {
  const char* const call = failed_call;
  return call ? call : "";
}

}  // namespace sluice::test

using sluice::test::fails;
using sluice::test::Fate;
using sluice::test::fate_of_transfer;
using sluice::test::here;
using sluice::test::next;
using sluice::test::tell_again;
using sluice::test::watched;

// --- instead of the C library's

extern "C" {

int accept4(int socket, sockaddr* address, socklen_t* size, int flags) {
  static auto* const real = next<decltype(accept4)>("accept4");
  if (fails("accept4")) return -1;
  const int accepted = real(socket, address, size, flags);
  static auto* const real_setsockopt = next<decltype(setsockopt)>("setsockopt");
  constexpr int little = 8 * 1024;  // so that a reader that stalls is felt soon
  if (here && accepted >= 0) real_setsockopt(accepted, SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
  return accepted;
}

ssize_t recv(int socket, void* into, size_t size, int flags) {
  static auto* const real = next<decltype(recv)>("recv");
  const Fate fate = fate_of_transfer("recv");
  const ssize_t count = fate == Fate::fails ? -1 : real(socket, into, fate == Fate::one_byte ? 1 : size, flags);
  tell_again(socket);
  return count;
}

ssize_t send(int socket, const void* bytes, size_t size, int flags) {
  static auto* const real = next<decltype(send)>("send");
  const Fate fate = fate_of_transfer("send");
  const ssize_t count = fate == Fate::fails ? -1 : real(socket, bytes, fate == Fate::one_byte ? 1 : size, flags);
  tell_again(socket);
  return count;
}

ssize_t sendmsg(int socket, const msghdr* message, int flags) {
  static auto* const real = next<decltype(sendmsg)>("sendmsg");
  static auto* const real_send = next<decltype(send)>("send");
  const Fate fate = fate_of_transfer("sendmsg");
  if (fate == Fate::whole) return real(socket, message, flags);
  const ssize_t count = fate == Fate::fails ? -1 : real_send(socket, message->msg_iov[0].iov_base, 1, flags);
  tell_again(socket);
  return count;
}

int shutdown(int socket, int how) noexcept {
  static auto* const real = next<decltype(shutdown)>("shutdown");
  return fails("shutdown") ? -1 : real(socket, how);
}

int close(int descriptor) {
  static auto* const real = next<decltype(close)>("close");
  const int result = real(descriptor);
  return fails("close") ? -1 : result;
}

// The kernel needs memory to add a descriptor and none to change what it waits for: Asio counts on that.
int epoll_ctl(int epoll, int operation, int descriptor, epoll_event* event) noexcept {
  static auto* const real = next<decltype(epoll_ctl)>("epoll_ctl");
  if (operation != EPOLL_CTL_MOD && fails("epoll_ctl")) return -1;
  if (here && operation == EPOLL_CTL_ADD) watched[descriptor] = {epoll, *event};
  if (here && operation == EPOLL_CTL_DEL) watched.erase(descriptor);
  return real(epoll, operation, descriptor, event);
}

int setsockopt(int socket, int level, int name, const void* value, socklen_t size) noexcept {
  static auto* const real = next<decltype(setsockopt)>("setsockopt");
  return fails("setsockopt") ? -1 : real(socket, level, name, value, size);
}

int getsockopt(int socket, int level, int name, void* value, socklen_t* size) noexcept {
  static auto* const real = next<decltype(getsockopt)>("getsockopt");
  return fails("getsockopt") ? -1 : real(socket, level, name, value, size);
}

int getsockname(int socket, sockaddr* address, socklen_t* size) noexcept {
  static auto* const real = next<decltype(getsockname)>("getsockname");
  return fails("getsockname") ? -1 : real(socket, address, size);
}

}  // extern "C"
