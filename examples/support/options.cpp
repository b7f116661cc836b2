// SPDX-License-Identifier: MIT
#include "support/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

template <class Number>
bool read_number(std::string_view text, Number& value) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return false;
  value = number;
  return true;
}

}  // namespace

std::size_t Listen::thread_count() const noexcept {
  return threads > 0 ? threads : std::max(1U, std::thread::hardware_concurrency());
}

Options::Options(std::string about, Listen& listen) : about_(std::move(about)) {
  add("--host", listen.host, "the address to listen on");
  add("--port", listen.port, "the port, 0 for any free one");
  add("--threads", listen.threads, "threads that serve, 0 for one per processor");
}

Options& Options::add(std::string_view name, std::string& value, std::string_view help) {
  auto set = [&value](std::string_view given) {
    value = given;
    return true;
  };
  options_.push_back({std::string(name), "TEXT", std::string(help), value, set});
  return *this;
}

Options& Options::add(std::string_view name, std::uint16_t& value, std::string_view help) {
  return add_number(name, value, help);
}

Options& Options::add(std::string_view name, std::size_t& value, std::string_view help) {
  return add_number(name, value, help);
}

Options& Options::add(std::string_view name, bool& value, std::string_view help) {
  options_.push_back(
      {std::string(name), "", std::string(help), "", [&value](std::string_view) { return value = true; }});
  return *this;
}

Options& Options::add(std::string_view name, std::optional<std::uint16_t>& value, std::string_view help) {
  options_.push_back({std::string(name), "NUMBER", std::string(help), "", [&value](std::string_view given) {
                        std::uint16_t number = 0;
                        if (!read_number(given, number)) return false;
                        value = number;
                        return true;
                      }});
  return *this;
}

template <class Number>
Options& Options::add_number(std::string_view name, Number& value, std::string_view help) {
  auto set = [&value](std::string_view given) { return read_number(given, value); };
  options_.push_back({std::string(name), "NUMBER", std::string(help), fmt::to_string(value), set});
  return *this;
}

const Options::Option* Options::find(std::string_view name) const {
  const auto found = std::ranges::find(options_, name, &Option::name);
  return found == options_.end() ? nullptr : &*found;
}

std::optional<std::string> Options::read(std::span<const std::string_view> arguments) const {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const std::size_t equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    const Option* option = find(name);
    if (!option) return fmt::format("unknown option {}", name);

    std::string_view value;
    if (option->takes.empty()) {
      if (equals != argument.npos) return fmt::format("{} takes no value", name);
    } else if (equals != argument.npos) {
      value = argument.substr(equals + 1);
    } else if (++i < arguments.size()) {
      value = arguments[i];
    } else {
      return fmt::format("{} wants a value", name);
    }
    if (!option->set(value)) return fmt::format("{} does not take \"{}\"", name, value);
  }
  return std::nullopt;
}

std::string Options::usage(std::string_view program) const {
  std::string text = fmt::format("usage: {} [OPTION...]\n{}.\n\n", program, about_);
  for (const Option& option : options_) {
    text +=
        fmt::format("  {:<24}{}", option.takes.empty() ? option.name : option.name + " " + option.takes, option.help);
    text += option.by_default.empty() ? "\n" : fmt::format(" ({})\n", option.by_default);
  }
  return text + "  --help                  this text\n";
}

void Options::parse(int argc, char** argv) const {
  std::string_view program = argv[0];
  program.remove_prefix(program.rfind('/') + 1);
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  if (std::ranges::find(arguments, "--help") != arguments.end()) {
    fmt::print("{}", usage(program));
    std::exit(0);
  }
  if (const auto wrong = read(arguments)) {
    fmt::print(stderr, "{}: {}\n{}", program, *wrong, usage(program));
    std::exit(2);
  }
}

void announce(std::string_view host, std::uint16_t port, std::string_view scheme) {
  const bool ipv6 = host.find(':') != host.npos;
  fmt::print("listening on {}://{}{}{}:{}/\n", scheme, ipv6 ? "[" : "", host, ipv6 ? "]" : "", port);
  std::fflush(stdout);
}
