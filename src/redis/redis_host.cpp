// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <charconv>
#include <stdexcept>
#include <utility>

#include "core/whole_number.hpp"
#include "sluice/redis/redis_options.hpp"

namespace sluice {
namespace {

constexpr std::uint16_t redis_port = 6379;
constexpr std::uint16_t sentinel_port = 26379;

// What is wrong is told with the part that is wrong, which is never the password.
[[noreturn]] void refuse(std::string_view what) {
  throw std::invalid_argument(
      fmt::format("Redis URL: {}; it is redis://, rediss://, unix://, sentinel:// or cluster://", what));
}

template <class T>
T number(std::string_view text, std::string_view what) {
  const auto value = whole_number<T>(text);
  if (!value) refuse(fmt::format("\"{}\" is no {}", text, what));
  return *value;
}

std::string decoded(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr == text.data() + i + 3) {
      plain.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

// The part before the separator, which both leave the text; without one, the whole text.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at == text.npos ? text.size() : at + 1);
  return part;
}

Endpoint address(std::string_view text, std::uint16_t default_port) {
  Endpoint endpoint;
  endpoint.port = default_port;
  std::string_view port;
  if (text.starts_with('[')) {  // an IPv6 address
    const std::size_t end = text.find(']');
    if (end == text.npos) refuse(fmt::format("\"{}\" has no ']'", text));
    endpoint.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (port.starts_with(':')) port.remove_prefix(1);
  } else {
    endpoint.host = take_until(text, ':');
    port = text;
  }
  if (endpoint.host.empty()) endpoint.host = "localhost";
  if (!port.empty()) endpoint.port = number<std::uint16_t>(port, "port");
  return endpoint;
}

void read_user(RedisHost& host, std::string_view& rest, std::string_view authority) {
  const std::size_t at = authority.rfind('@');
  if (at == authority.npos) return;
  std::string_view user = authority.substr(0, at);
  rest.remove_prefix(at + 1);
  host.username = decoded(take_until(user, ':'));
  host.password = decoded(user);
}

void read_query(RedisHost& host, std::string_view query) {
  while (!query.empty()) {
    std::string_view value = take_until(query, '&');
    const std::string_view name = take_until(value, '=');
    if (name == "db") {
      host.database = number<unsigned>(value, "database");
    } else if (!host.endpoint.tls) {
      refuse(fmt::format("the option \"{}\" is not known here", name));
    } else if (name == "ssl_ca_certs") {
      host.endpoint.tls->ca_file = decoded(value);
    } else if (name == "ssl_certfile") {
      host.endpoint.tls->certificate_file = decoded(value);
    } else if (name == "ssl_keyfile") {
      host.endpoint.tls->key_file = decoded(value);
    } else if (name == "ssl_cert_reqs") {
      host.endpoint.tls->verify = value != "none";
    } else {
      refuse(fmt::format("the option \"{}\" is not known", name));
    }
  }
}

}  // namespace

RedisHost::RedisHost(std::string_view url) {
  const std::size_t scheme_end = url.find("://");
  if (scheme_end == url.npos) refuse("it has no scheme");
  const std::string_view scheme = url.substr(0, scheme_end);
  std::string_view query = url.substr(scheme_end + 3);
  std::string_view rest = take_until(query, '?');

  if (scheme == "rediss") endpoint.tls.emplace();
  if (scheme == "unix") {
    read_user(*this, rest, rest);
    endpoint.socket_path = decoded(rest);
    if (endpoint.socket_path.empty()) refuse("a unix socket has a path");
  } else if (scheme == "redis" || scheme == "rediss" || scheme == "sentinel" || scheme == "cluster") {
    read_user(*this, rest, rest.substr(0, rest.find('/')));
    std::string_view hosts = take_until(rest, '/');
    if (scheme == "cluster") {
      while (!hosts.empty()) cluster.push_back(address(take_until(hosts, ','), redis_port));
      if (cluster.empty()) refuse("cluster:// names at least one member");
    } else if (scheme == "sentinel") {
      while (!hosts.empty()) sentinels.push_back(address(take_until(hosts, ','), sentinel_port));
      master_name = decoded(take_until(rest, '/'));
      if (sentinels.empty() || master_name.empty()) refuse("sentinel:// names at least one sentinel, and a master");
    } else {
      const auto tls = endpoint.tls;
      endpoint = address(hosts, redis_port);
      endpoint.tls = tls;
    }
    if (!rest.empty()) database = number<unsigned>(rest, "database");
  } else {
    refuse(fmt::format("\"{}\" is no scheme of it", scheme));
  }
  read_query(*this, query);
}

std::string RedisHost::to_string() const {
  if (!cluster.empty()) return fmt::format("the cluster of {}", cluster.front().to_string());
  if (!sentinels.empty()) return fmt::format("the master \"{}\"", master_name);
  return database == 0 ? endpoint.to_string() : fmt::format("{}/{}", endpoint.to_string(), database);
}

}  // namespace sluice
