// SPDX-License-Identifier: MIT
#include "net/support/names.hpp"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string_view>

namespace {

std::mutex mutex;
std::condition_variable changed;
bool defined = false;
bool asked = false;
bool ended = false;
bool given = false;

int real_getaddrinfo(const char* host, const char* service, const addrinfo* hints, addrinfo** found) {
  static auto* const real = reinterpret_cast<decltype(::getaddrinfo)*>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  if (!real) std::abort();
  return real(host, service, hints, found);
}

}  // namespace

namespace sluice::test {

Names::Names() {
  std::lock_guard lock(mutex);
  defined = true;
  asked = ended = given = false;
}

Names::~Names() {
  std::lock_guard lock(mutex);
  ended = true;
  defined = false;
  changed.notify_all();
}

void Names::wait_for_question() {
  std::unique_lock lock(mutex);
  changed.wait_for(lock, std::chrono::seconds(60), [] { return asked; });
}

bool Names::answered() const {
  std::lock_guard lock(mutex);
  return given;
}

}  // namespace sluice::test

extern "C" int getaddrinfo(const char* host, const char* service, const addrinfo* hints, addrinfo** found) {
  std::unique_lock lock(mutex);
  const std::string_view name = host && defined ? host : "";
  if (name == "silent.test") {
    asked = true;
    changed.notify_all();
    changed.wait_for(lock, std::chrono::seconds(60), [] { return ended; });
    given = true;
    return EAI_AGAIN;
  }
  lock.unlock();
  if (name != "two.test") return real_getaddrinfo(host, service, hints, found);
  addrinfo* second = nullptr;
  const int failed = real_getaddrinfo("203.0.113.1", service, hints, found);
  if (failed != 0 || real_getaddrinfo("127.0.0.1", service, hints, &second) != 0) return EAI_FAIL;
  addrinfo* last = *found;
  while (last->ai_next) last = last->ai_next;
  last->ai_next = second;
  return 0;
}
