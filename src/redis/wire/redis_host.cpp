// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "core/ascii.hpp"
#include "core/percent.hpp"
#include "core/whole_number.hpp"
#include "sluice/core/log.hpp"
#include "sluice/redis/redis_options.hpp"

namespace sluice::SLUICE_ABI {
namespace {

constexpr std::uint16_t redis_port = 6379;
constexpr std::uint16_t sentinel_port = 26379;

// Options of redis-py in a URL or a connection's argument that are ignored here.
constexpr std::array ignored_options{"client_name",
                                     "decode_responses",
                                     "encoding",
                                     "encoding_errors",
                                     "health_check_interval",
                                     "lib_name",
                                     "lib_version",
                                     "max_connections",
                                     "protocol",
                                     "retry_on_error",
                                     "retry_on_timeout",
                                     "socket_connect_timeout",
                                     "socket_keepalive",
                                     "socket_read_size",
                                     "socket_timeout",
                                     "socket_type",
                                     "timeout",
                                     "single_connection_client",
                                     "ssl_ca_data",
                                     "ssl_ca_path",
                                     "ssl_ciphers",
                                     "ssl_min_version",
                                     "ssl_password",
                                     "ssl_validate_ocsp",
                                     "ssl_ocsp_context",
                                     "ssl_validate_ocsp_stapled",
                                     "ssl_ocsp_expected_cert",
                                     "ssl_include_verify_flags",
                                     "ssl_exclude_verify_flags",
                                     "min_other_sentinels",
                                     "socket_keepalive_options",
                                     "require_full_coverage",
                                     "read_from_replicas",
                                     "cluster_error_retry_attempts",
                                     "skip_full_coverage_check"};

// Removes and returns the part before the separator; without one, the whole text.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at == text.npos ? text.size() : at + 1);
  return part;
}

// Reads one URL into a RedisHost. One thread at a time.
class UrlReader {
 public:
  UrlReader(std::string_view url, RedisHost& host) : url_(url), host_(host) {}
  void read();

 private:
  [[noreturn]] void refuse(std::string_view what) const;
  std::string shown(std::string_view part) const;
  template <class T>
  T number(std::string_view text, std::string_view what) const;
  bool truth(std::string_view text, std::string_view what) const;
  Endpoint address(std::string_view text, std::uint16_t default_port) const;
  void read_user(std::string_view& rest, std::string_view authority);
  void read_servers(std::string_view scheme, std::string_view rest);
  void read_query(std::string_view query);
  void read_option(std::string_view name, std::string_view value);
  bool read_tls_option(std::string_view name, std::string_view value);
  TlsClientOptions& tls(std::string_view option);
  void give_tls_to_all();

  const std::string_view url_;
  RedisHost& host_;
  bool tls_by_option_ = false;  // a scheme for several servers, which does not state TLS
};

void UrlReader::refuse(std::string_view what) const {
  const bool names_user = url_.find('@') != url_.npos;
  throw std::invalid_argument(
      fmt::format("Redis URL: {}; it is redis://, rediss://, unix://, sentinel:// or cluster://{}", what,
                  names_user ? ", and in a user name or password '/' is written %2F, '?' %3F, '@' %40, '%' %25" : ""));
}

// A password with an unescaped '/' or '?' may end up in any part: so a part is shown only if there is no password.
std::string UrlReader::shown(std::string_view part) const {
  const bool may_be_secret = url_.find('@') != url_.npos || lower_case(url_).find("password") != url_.npos;
  return may_be_secret ? "a part of it (not shown, since the URL has a password)" : fmt::format("\"{}\"", part);
}

template <class T>
T UrlReader::number(std::string_view text, std::string_view what) const {
  const auto value = whole_number<T>(text);
  if (!value) refuse(fmt::format("{} is no {}", shown(text), what));
  return *value;
}

bool UrlReader::truth(std::string_view text, std::string_view what) const {
  const std::string word = lower_case(text);
  if (word == "true" || word == "1" || word == "yes" || word == "y" || word == "t") return true;
  if (word == "false" || word == "0" || word == "no" || word == "n" || word == "f") return false;
  refuse(fmt::format("{} is neither true nor false, as {} is", shown(text), what));
}

Endpoint UrlReader::address(std::string_view text, std::uint16_t default_port) const {
  Endpoint endpoint;
  endpoint.port = default_port;
  std::string_view port;
  if (text.starts_with('[')) {  // an IPv6 address
    const std::size_t end = text.find(']');
    if (end == text.npos) refuse(fmt::format("{} has no ']'", shown(text)));
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

void UrlReader::read_user(std::string_view& rest, std::string_view authority) {
  const std::size_t at = authority.rfind('@');
  if (at == authority.npos) return;
  std::string_view user = authority.substr(0, at);
  rest.remove_prefix(at + 1);
  host_.username = percent_decoded_where_valid(take_until(user, ':'));
  host_.password = percent_decoded_where_valid(user);
}

void UrlReader::read() {
  const std::size_t scheme_end = url_.find("://");
  if (scheme_end == url_.npos) refuse("it has no scheme");
  const std::string scheme = lower_case(url_.substr(0, scheme_end));
  std::string_view query = url_.substr(scheme_end + 3);
  std::string_view rest = take_until(query, '?');

  if (scheme == "unix") {
    if (!rest.starts_with('/')) read_user(rest, rest);
    host_.endpoint.socket_path = percent_decoded_where_valid(rest);
    if (host_.endpoint.socket_path.empty()) refuse("a unix socket has a path");
  } else if (scheme == "redis" || scheme == "rediss" || scheme == "sentinel" || scheme == "cluster") {
    read_user(rest, rest.substr(0, rest.find('/')));
    if (rest.find('@') != rest.npos) refuse("there is an '@' behind the first '/'");
    read_servers(scheme, rest);
  } else {
    refuse(fmt::format("{} is no scheme of it", shown(scheme)));
  }
  read_query(query);
  give_tls_to_all();
}

void UrlReader::read_servers(std::string_view scheme, std::string_view rest) {
  std::string_view hosts = take_until(rest, '/');
  if (scheme == "cluster") {
    while (!hosts.empty()) host_.cluster.push_back(address(take_until(hosts, ','), redis_port));
    if (host_.cluster.empty()) refuse("cluster:// names at least one member");
  } else if (scheme == "sentinel") {
    while (!hosts.empty()) host_.sentinels.push_back(address(take_until(hosts, ','), sentinel_port));
    host_.master_name = percent_decoded_where_valid(take_until(rest, '/'));
    if (host_.sentinels.empty() || host_.master_name.empty()) {
      refuse("sentinel:// names at least one sentinel, and a master");
    }
  } else {
    host_.endpoint = address(hosts, redis_port);
    if (scheme == "rediss") host_.endpoint.tls.emplace();
  }
  tls_by_option_ = scheme == "cluster" || scheme == "sentinel";
  if (!rest.empty()) host_.database = number<unsigned>(rest, "database");
}

// As in redis-py, '+' is a blank.
void UrlReader::read_query(std::string_view query) {
  while (!query.empty()) {
    std::string_view value = take_until(query, '&');
    const std::string_view name = take_until(value, '=');
    std::string text(value);
    std::ranges::replace(text, '+', ' ');
    read_option(name, percent_decoded_where_valid(text));
  }
}

void UrlReader::read_option(std::string_view name, std::string_view value) {
  if (name == "db") {
    host_.database = number<unsigned>(value, "database");
  } else if (name == "username") {
    if (host_.username.empty()) host_.username = value;
  } else if (name == "password") {
    if (host_.password.empty()) host_.password = value;
  } else if (name == "sentinel_username" && !host_.sentinels.empty()) {
    host_.sentinel_username = value;
  } else if (name == "sentinel_password" && !host_.sentinels.empty()) {
    host_.sentinel_password = value;
  } else if (std::ranges::find(ignored_options, name) != ignored_options.end()) {
    log(LogLevel::warning, fmt::format("Redis URL: the option \"{}\" means nothing here and is ignored", name));
  } else if (!read_tls_option(name, value)) {
    refuse(fmt::format("the option {} is not known", shown(name)));
  }
}

bool UrlReader::read_tls_option(std::string_view name, std::string_view value) {
  if (name == "ssl") {
    if (truth(value, name)) {
      (void)tls(name);
    } else if (host_.endpoint.tls) {
      refuse("it asks for TLS, and then has ssl=false");
    }
  } else if (name == "ssl_ca_certs") {
    tls(name).ca_file = value;
  } else if (name == "ssl_certfile") {
    tls(name).certificate_file = value;
  } else if (name == "ssl_keyfile") {
    tls(name).key_file = value;
  } else if (name == "ssl_check_hostname") {
    tls(name).verify_host = truth(value, name);
  } else if (name == "ssl_cert_reqs") {
    std::string word = lower_case(value);
    if (word.starts_with("cert_")) word.erase(0, std::string_view("cert_").size());
    if (word != "none" && word != "optional" && word != "required") {
      refuse(fmt::format("{} is no value of ssl_cert_reqs: none, optional or required", shown(value)));
    }
    tls(name).verify = word != "none";  // to a client "optional" is "required" (Python's ssl module)
  } else {
    return false;
  }
  return true;
}

// A URL with such an option means a connection with TLS.
TlsClientOptions& UrlReader::tls(std::string_view option) {
  if (host_.endpoint.tls) return *host_.endpoint.tls;
  if (!tls_by_option_) refuse(fmt::format("the option \"{}\" is for TLS, which rediss:// asks for", option));
  return host_.endpoint.tls.emplace();
}

void UrlReader::give_tls_to_all() {
  for (auto* servers : {&host_.sentinels, &host_.cluster}) {
    for (Endpoint& server : *servers) server.tls = host_.endpoint.tls;
  }
}

}  // namespace

RedisHost::RedisHost(std::string_view url) { UrlReader(url, *this).read(); }

std::string RedisHost::to_string() const {
  if (!cluster.empty()) return fmt::format("the cluster of {}", cluster.front().to_string());
  if (!sentinels.empty()) return fmt::format("the master \"{}\"", master_name);
  return database == 0 ? endpoint.to_string() : fmt::format("{}/{}", endpoint.to_string(), database);
}

}  // namespace sluice::SLUICE_ABI
