// SPDX-License-Identifier: MIT
// A live Django process as a peer, through support/django_peer.py.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "redis/support/process.hpp"
#include "sluice/json/document.hpp"
#include "sluice/json/writer.hpp"

namespace sluice::SLUICE_ABI::redis {

/// One Django process with its channel layer. One thread at a time.
class DjangoPeer {
 public:
  /// `kind`: "core" or "pubsub". `config`: further keys of the layer's CONFIG, as a JSON map.
  DjangoPeer(const std::string& kind, const std::string& urls, const std::string& config = "{}")
      : process_({"/usr/bin/python3", SLUICE_SOURCE_DIR "/tests/redis/support/django_peer.py", kind, urls, config}) {
    if (answer() != "\"ready\"")
      throw std::runtime_error(
          "no Django: are python3-django-channels and "
          "python3-channels-redis installed?");
  }

  /// Does `word` with its arguments, each a JSON text, and gives what comes back as JSON; "error: Class" for an
  /// exception.
  template <class... Json>
  std::string operator()(const std::string& word, const Json&... arguments) {
    begin(word, arguments...);
    return answer();
  }
  /// The same without waiting.
  template <class... Json>
  void begin(const std::string& word, const Json&... arguments) {
    std::string line = "[\"" + word + "\"";
    ((line += ", " + std::string(arguments)), ...);
    process_.write_line(line + "]");
  }
  std::string answer() {
    const auto line = process_.read_line();
    if (!line) throw std::runtime_error("Django says nothing");
    const auto document = json::Document::parse(*line);
    if (!document) throw std::runtime_error("Django says: " + *line);
    const json::Value error = document->root()["error"];
    if (error) return "error: " + std::string(*error.as_string());
    return std::string(document->root()["ok"].to_text().view());
  }
  Process& process() noexcept { return process_; }

 private:
  Process process_;
};

/// A text as JSON. Not named quoted(): for a std::string, std::quoted is a better match.
inline std::string json_text(std::string_view text) {
  json::Writer out;
  out.value(text);
  return out.take();
}
inline std::string number_event(int number) { return R"({"type":"number","n":)" + std::to_string(number) + "}"; }
inline std::string plain_text(const std::string& json) { return json.substr(1, json.size() - 2); }

}  // namespace sluice::SLUICE_ABI::redis
