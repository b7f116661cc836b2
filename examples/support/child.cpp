// SPDX-License-Identifier: MIT
#include "support/child.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string_view>

Child::Child(std::vector<std::string> command) {
  int pipe[2];
  if (pipe2(pipe, O_CLOEXEC) != 0) throw std::runtime_error("no pipe to " + command.front());
  id_ = fork();
  if (id_ == 0) {
    setpgid(0, 0);                     // Ctrl-C is for us: we end it when we have ended
    prctl(PR_SET_PDEATHSIG, SIGTERM);  // also when we are killed
    dup2(pipe[1], STDOUT_FILENO);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    std::vector<char*> words;
    for (std::string& word : command) words.push_back(word.data());
    words.push_back(nullptr);
    execvp(words[0], words.data());
    _exit(127);
  }
  close(pipe[1]);
  output_ = pipe[0];
  if (id_ < 0) throw std::runtime_error("can't start " + command.front());
}

Child::~Child() {
  kill(id_, SIGTERM);
  waitpid(id_, nullptr, 0);
  close(output_);
}

std::optional<std::string> Child::read_line() {
  for (;;) {
    if (const std::size_t end = read_.find('\n'); end != std::string::npos) {
      std::string line = read_.substr(0, end);
      read_.erase(0, end + 1);
      return line;
    }
    char bytes[4096];
    const ssize_t read = ::read(output_, bytes, sizeof bytes);
    if (read <= 0) return std::nullopt;
    read_.append(bytes, static_cast<std::size_t>(read));
  }
}

OwnRedis::OwnRedis() : folder_(std::string(P_tmpdir) + "/sluice-example-XXXXXX") {
  if (!mkdtemp(folder_.data())) throw std::runtime_error("no temporary folder for redis-server");
  server_.emplace(std::vector<std::string>{"redis-server", "--port", "0", "--unixsocket", folder_ + "/redis.sock",
                                           "--save", "", "--appendonly", "no", "--dir", folder_});
  while (const auto line = server_->read_line()) {
    if (line->find("eady to accept connections") != std::string::npos) return;
  }
  throw std::runtime_error("redis-server ended at once: is it installed?");
}

OwnRedis::~OwnRedis() {
  server_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

// Debian installs the program where a user's PATH does not look.
OwnNats::OwnNats() {
  const std::string installed = "/usr/sbin/nats-server";
  server_.emplace(std::vector<std::string>{std::filesystem::exists(installed) ? installed : "nats-server", "-a",
                                           "127.0.0.1", "-p", "-1", "-l", "/dev/stdout"});
  constexpr std::string_view listens = "Listening for client connections on ";
  while (const auto line = server_->read_line()) {
    const auto at = line->find(listens);
    if (at != line->npos) url_ = "nats://" + line->substr(at + listens.size());
    if (line->find("Server is ready") != line->npos) return;
  }
  throw std::runtime_error("nats-server ended at once: is it installed?");
}
