// SPDX-License-Identifier: MIT
// The command line of an example or a benchmark: where to listen, and what else the program declares.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Where and how a server listens. Every program has these three options.
struct Listen {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8000;  // 0: the kernel picks a free one
  std::size_t threads = 0;    // 0: as many as the machine has

  /// How many threads that makes, at least one.
  std::size_t thread_count() const noexcept;
};

/// Declares options, each bound to a variable that holds its default:
///
///     Listen listen;
///     std::string database = "notes.sqlite";
///     Options("Notes that several people edit at once", listen)
///         .add("--database", database, "the file that the notes are kept in")
///         .parse(argc, argv);
///
/// One thread at a time.
class Options {
 public:
  explicit Options(std::string about) : about_(std::move(about)) {}
  /// With --host, --port and --threads.
  Options(std::string about, Listen& listen);

  Options& add(std::string_view name, std::string& value, std::string_view help);
  Options& add(std::string_view name, std::uint16_t& value, std::string_view help);
  Options& add(std::string_view name, std::size_t& value, std::string_view help);
  /// A port that may be left out.
  Options& add(std::string_view name, std::optional<std::uint16_t>& value, std::string_view help);
  /// A switch: given or not, it takes no value.
  Options& add(std::string_view name, bool& value, std::string_view help);

  /// Sets the variables. --help prints the usage and exits 0; anything wrong is said on stderr and exits 2.
  void parse(int argc, char** argv) const;

  /// Sets the variables from `--name value` and `--name=value`; says what is wrong, if anything.
  std::optional<std::string> read(std::span<const std::string_view> arguments) const;
  std::string usage(std::string_view program) const;

 private:
  struct Option {
    std::string name;
    std::string takes;  // the name of its value in the usage; empty: a switch
    std::string help;
    std::string by_default;
    std::function<bool(std::string_view)> set;
  };
  template <class Number>
  Options& add_number(std::string_view name, Number& value, std::string_view help);
  const Option* find(std::string_view name) const;

  std::string about_;
  std::vector<Option> options_;
};

/// Says on stdout that the server can be reached now: `listening on http://HOST:PORT/`, at once even into a pipe.
void announce(std::string_view host, std::uint16_t port, std::string_view scheme = "http");
