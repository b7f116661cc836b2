// SPDX-License-Identifier: MIT
// A program that ends itself with a sentence.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

namespace sluice::test {

/// Runs it in a child process and returns what that wrote to standard error, behind "aborted: " if it called abort().
template <class Work>
std::string last_words_of(Work work) {
  int pipe[2];
  if (::pipe(pipe) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGABRT, SIG_DFL);
    ::dup2(pipe[1], STDERR_FILENO);
    ::close(pipe[0]);
    ::alarm(20);  // a child that waits for itself does not outlive the test
    work();
    ::_exit(0);
  }
  ::close(pipe[1]);
  std::string words;
  char bytes[4096];
  for (ssize_t count; (count = ::read(pipe[0], bytes, sizeof bytes)) > 0;)
    words.append(bytes, static_cast<std::size_t>(count));
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  const bool aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
  return (aborted ? "aborted: " : "did not abort: ") + words;
}

}  // namespace sluice::test
