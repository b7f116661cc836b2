// SPDX-License-Identifier: MIT
#include "redis/support/process.hpp"
#include "sluice/abi.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <utility>

namespace sluice::SLUICE_ABI::redis {

Process::Process(std::vector<std::string> command, std::string log) {
  int to_child[2], from_child[2];
  if (pipe2(to_child, O_CLOEXEC) != 0 || pipe2(from_child, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  id_ = fork();
  if (id_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that crashes leaves nothing behind
    dup2(to_child[0], STDIN_FILENO);
    dup2(from_child[1], STDOUT_FILENO);
    if (!log.empty()) dup2(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600), STDERR_FILENO);
    std::vector<char*> words;
    for (std::string& word : command) words.push_back(word.data());
    words.push_back(nullptr);
    execvp(words[0], words.data());
    _exit(127);
  }
  close(to_child[0]);
  close(from_child[1]);
  in_ = to_child[1];
  out_ = from_child[0];
  if (id_ < 0) throw std::runtime_error("no child");
}

Process::~Process() {
  if (running()) {
    signal(SIGKILL);
    wait();
  }
  close_input();
  close(out_);
}

void Process::close_input() {
  if (in_ >= 0) close(std::exchange(in_, -1));
}

void Process::signal(int number) const { kill(id_, number); }

void Process::write_line(const std::string& line) const {
  const std::string bytes = line + "\n";
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t written = ::write(in_, bytes.data() + done, bytes.size() - done);
    if (written <= 0) throw std::runtime_error("the child does not listen");
    done += static_cast<std::size_t>(written);
  }
}

std::optional<std::string> Process::read_line(std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    if (const std::size_t end = read_.find('\n'); end != std::string::npos) {
      std::string line = read_.substr(0, end);
      read_.erase(0, end + 1);
      return line;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd readable{out_, POLLIN, 0};
    if (left.count() <= 0 || poll(&readable, 1, static_cast<int>(left.count())) <= 0) return std::nullopt;
    char bytes[4096];
    const ssize_t read = ::read(out_, bytes, sizeof bytes);
    if (read <= 0) return std::nullopt;
    read_.append(bytes, static_cast<std::size_t>(read));
  }
}

bool Process::running() {
  if (id_ <= 0) return false;
  if (waitpid(id_, nullptr, WNOHANG) == 0) return true;
  id_ = -1;
  return false;
}

int Process::wait() {
  int status = 0;
  const bool ended = id_ > 0 && waitpid(std::exchange(id_, -1), &status, 0) > 0;
  return ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (bind(socket, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    throw std::runtime_error("no free port");
  }
  close(socket);
  return ntohs(address.sin_port);
}

std::string temporary_folder() {
  std::string name = std::string(P_tmpdir) + "/sluice-redis-XXXXXX";
  if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
  return name;
}

}  // namespace sluice::SLUICE_ABI::redis
