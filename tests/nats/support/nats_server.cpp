// SPDX-License-Identifier: MIT
#include "nats/support/nats_server.hpp"

#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "sluice/json/document.hpp"
#include "support/eventually.hpp"

namespace sluice::SLUICE_ABI::nats {

namespace {

// Debian installs it where a user's PATH does not look.
std::string program() {
  const std::string installed = "/usr/sbin/nats-server";
  return std::filesystem::exists(installed) ? installed : "nats-server";
}

// Ends the program where there is no nats-server: each test is a program run of its own.
void skip_without_server() {
  static const bool missing = Process({program(), "--version"}).wait() != 0;
  if (!missing) return;
  std::puts("skipped: nats-server is not installed");
  std::fflush(stdout);
  std::_Exit(0);
}

}  // namespace

NatsServer::NatsServer(std::vector<std::string> arguments)
    : arguments_(std::move(arguments)), folder_(redis::temporary_folder()) {
  skip_without_server();
  start();
}

NatsServer::~NatsServer() {
  process_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

// It writes the ports file once it listens.
void NatsServer::start() {
  std::vector<std::string> words{program(), "-a", "127.0.0.1", "-p", port_ ? std::to_string(port_) : "-1"};
  words.insert(words.end(), {"--ports_file_dir", folder_, "-l", folder_ + "/log"});
  words.insert(words.end(), arguments_.begin(), arguments_.end());
  process_ = std::make_unique<Process>(words);
  const std::string file = folder_ + "/nats-server_" + std::to_string(process_->id()) + ".ports";
  const bool listens = test::eventually([&] {
    if (!process_->running()) throw std::runtime_error("nats-server ended at once");
    std::ifstream ports(file);
    const auto document = json::Document::parse(std::string(std::istreambuf_iterator<char>(ports), {}));
    if (!document) return false;
    const auto url = document->root()["nats"].at(0).as_string();
    if (url) port_ = static_cast<std::uint16_t>(std::stoi(std::string(url->substr(url->rfind(':') + 1))));
    return bool(url);
  });
  if (!listens) throw std::runtime_error("nats-server does not answer");
}

void NatsServer::stop() { process_.reset(); }
void NatsServer::pause() const {
  process_->signal(SIGSTOP);
  siginfo_t stopped;
  if (waitid(P_PID, static_cast<id_t>(process_->id()), &stopped, WSTOPPED | WNOWAIT) != 0) {
    throw std::runtime_error("nats-server does not stop");
  }
}
void NatsServer::resume() const { process_->signal(SIGCONT); }

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(name_, ignored);
}

std::string Folder::file(const std::string& name, const std::string& text) const {
  const std::string path = name_ + "/" + name;
  std::ofstream(path) << text;
  return path;
}

}  // namespace sluice::SLUICE_ABI::nats
