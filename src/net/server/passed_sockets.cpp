// SPDX-License-Identifier: MIT
#include "sluice/net/passed_sockets.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <system_error>

#include "core/whole_number.hpp"
#include "net/server/listen_variables.hpp"

namespace sluice::SLUICE_ABI {
namespace {

constexpr int first_passed = 3;  // SD_LISTEN_FDS_START
constexpr int most_passed = 1024;

Error contradiction(std::string why) {
  return Error(ErrorCode::invalid_argument, fmt::format("passed_sockets: {}", why));
}

}  // namespace

Result<std::vector<PassedSocket>> net::ListenVariables::read(long self) const {
  std::vector<PassedSocket> passed;
  if (!pid || !fds) return passed;
  const auto target = whole_number<long>(pid);
  if (!target) return contradiction(fmt::format("LISTEN_PID is \"{}\"", pid));
  if (*target != self) return passed;  // for our parent process, or another child of it
  const auto count = whole_number<long>(fds);
  if (!count || *count < 0 || *count > most_passed) return contradiction(fmt::format("LISTEN_FDS is \"{}\"", fds));
  std::string_view names = fd_names ? fd_names : "";
  for (int i = 0; i < *count; ++i) {
    const std::string_view name = names.substr(0, names.find(':'));
    names.remove_prefix(std::min(name.size() + 1, names.size()));
    passed.push_back({first_passed + i, name.empty() ? "unknown" : std::string(name)});
  }
  if (!names.empty()) return contradiction(fmt::format("LISTEN_FDNAMES has more than {} names", *count));
  return passed;
}

Result<std::vector<PassedSocket>> passed_sockets() {
  const net::ListenVariables variables{std::getenv("LISTEN_PID"), std::getenv("LISTEN_FDS"),
                                       std::getenv("LISTEN_FDNAMES")};
  auto passed = variables.read(::getpid());
  if (!passed) return passed;
  for (const PassedSocket& socket : *passed) {
    const int flags = ::fcntl(socket.descriptor, F_GETFD);
    if (flags < 0 || ::fcntl(socket.descriptor, F_SETFD, flags | FD_CLOEXEC) != 0) {
      return contradiction(fmt::format("descriptor {}: {}", socket.descriptor, std::generic_category().message(errno)));
    }
  }
  return passed;
}

}  // namespace sluice::SLUICE_ABI
