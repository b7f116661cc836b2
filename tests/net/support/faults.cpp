// SPDX-License-Identifier: MIT
#include "net/support/faults.hpp"

#include <dlfcn.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
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

// Where the descriptors of this thread are watched, which are told once of a change.
struct Watch {
  int epoll;
  epoll_event event;
};
thread_local std::map<int, Watch> watches;

// A transfer of less than there was leaves something that the kernel has told already.
void tell_again(int descriptor) {
  static auto* const real = next<decltype(epoll_ctl)>("epoll_ctl");
  const auto found = watches.find(descriptor);
  if (found != watches.end()) real(found->second.epoll, EPOLL_CTL_MOD, descriptor, &found->second.event);
}

enum class Fate { whole, one_byte, fails };

Fate fate_of_transfer(const char* call, int descriptor) {
  if (fails(call)) return Fate::fails;
  if (!here || plan != Plan::crumbs) return Fate::whole;
  tell_again(descriptor);
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  switch (random_state >> 60) {
    case 0: errno = EINTR; return Fate::fails;
    case 1: errno = EAGAIN; return Fate::fails;
    default: return Fate::one_byte;
  }
}

}  // namespace

Faults::Faults(Executor& executor) : executor_(executor) {}

Faults Faults::none_but_little_room(Executor& executor) {
  run_on(executor, [] { here = true; });
  return Faults(executor);
}

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
using sluice::test::watches;

// --- instead of the C library's

extern "C" {

int accept4(int socket, sockaddr* address, socklen_t* size, int flags) {
  static auto* const real = next<decltype(accept4)>("accept4");
  if (fails("accept4")) return -1;
  const int accepted = real(socket, address, size, flags);
  constexpr int little = 8 * 1024;  // so that a reader that stalls is felt soon
  static auto* const real_setsockopt = next<decltype(setsockopt)>("setsockopt");
  if (here && accepted >= 0) real_setsockopt(accepted, SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
  return accepted;
}

ssize_t recv(int socket, void* into, size_t size, int flags) {
  static auto* const real = next<decltype(recv)>("recv");
  const Fate fate = fate_of_transfer("recv", socket);
  return fate == Fate::fails ? -1 : real(socket, into, fate == Fate::one_byte && size > 0 ? 1 : size, flags);
}

ssize_t recvmsg(int socket, msghdr* message, int flags) {
  static auto* const real = next<decltype(recvmsg)>("recvmsg");
  return fails("recvmsg") ? -1 : real(socket, message, flags);
}

ssize_t send(int socket, const void* bytes, size_t size, int flags) {
  static auto* const real = next<decltype(send)>("send");
  const Fate fate = fate_of_transfer("send", socket);
  return fate == Fate::fails ? -1 : real(socket, bytes, fate == Fate::one_byte && size > 0 ? 1 : size, flags);
}

ssize_t sendmsg(int socket, const msghdr* message, int flags) {
  static auto* const real = next<decltype(sendmsg)>("sendmsg");
  static auto* const real_send = next<decltype(send)>("send");
  const Fate fate = fate_of_transfer("sendmsg", socket);
  if (fate == Fate::fails) return -1;
  if (fate == Fate::whole) return real(socket, message, flags);
  return real_send(socket, message->msg_iov[0].iov_base, 1, flags);
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
  if (here && operation == EPOLL_CTL_ADD) watches[descriptor] = {epoll, *event};
  if (here && operation == EPOLL_CTL_DEL) watches.erase(descriptor);
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

int ioctl(int descriptor, unsigned long request, ...) noexcept {
  static auto* const real = next<decltype(ioctl)>("ioctl");
  va_list arguments;
  va_start(arguments, request);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  return fails("ioctl") ? -1 : real(descriptor, request, argument);
}

}  // extern "C"
