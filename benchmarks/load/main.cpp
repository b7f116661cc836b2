// SPDX-License-Identifier: MIT
// Loads a server that speaks /sub, /pub and /echo, and prints what it cost, as one line of JSON
#include <fmt/format.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <map>
#include <string>

#include "load/clients.hpp"
#include "load/workloads.hpp"
#include "support/options.hpp"

namespace {

using load::Report;
using load::Settings;

const std::map<std::string_view, Report (*)(const Settings&)> workloads = {
    {"fan_out", load::fan_out}, {"echo", load::echo}, {"connect", load::connect}, {"idle", load::idle}};

std::vector<pid_t> numbers(std::string_view list) {
  std::vector<pid_t> found;
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    pid_t number = 0;
    std::from_chars(list.data() + begin, list.data() + end, number);
    found.push_back(number);
    begin = end + 1;
  }
  return found;
}

std::string json(const Report& report) {
  const auto microseconds = [&](double share) { return report.latency.quantile(share) / 1000; };
  return fmt::format(
      R"({{"good":{},"operations":{},"missing":{},"disordered":{},"unknown":{},"lost_connections":{},"seconds":{:.4f},)"
      R"("cpu_us":{:.4f},"user_share":{:.3f},"apart_us":{:.4f},"load_cpu_us":{:.4f},"open_cpu_us":{:.2f},"memory":{:.0f},)"
      R"("memory_after":{:.0f},"p50_us":{:.1f},"p99_us":{:.1f},"p999_us":{:.1f}}})",
      report.good(), report.operations, report.missing, report.disordered, report.unknown, report.lost_connections,
      report.seconds, report.cpu_us, report.user_share, report.apart_us, report.load_cpu_us, report.open_cpu_us,
      report.memory, report.memory_after, microseconds(0.5), microseconds(0.99), microseconds(0.999));
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  Settings settings;
  std::string workload = "fan_out", processes, apart;
  Options("Loads a server that speaks /sub, /pub and /echo, and prints what it cost, as one line of JSON")
      .add("--workload", workload, "fan_out, echo, connect or idle")
      .add("--port", settings.port, "where the server listens on 127.0.0.1")
      .add("--second-port", settings.second_port, "where half of the connections are held, at another process")
      .add("--publish-port", settings.publish_port, "where the publishers speak, if not to the server")
      .add("--processes", processes, "the server's process ids, with commas")
      .add("--apart", apart, "ids of other processes, whose cost is told for itself")
      .add("--connections", settings.connections, "subscribers, or echoing connections")
      .add("--bytes", settings.bytes, "of one payload")
      .add("--messages", settings.messages, "broadcasts, echoes, or connections made")
      .add("--warm-up", settings.warm_up, "messages before the measurement")
      .add("--window", settings.window, "broadcasts in flight")
      .add("--per-minute", settings.per_minute, "broadcasts, 0: as the window allows")
      .add("--publishers", settings.publishers, "that speak in turns")
      .add("--stalled", settings.stalled, "further subscribers that never read")
      .add("--addresses", settings.speech.addresses, "how many of 127.0.0.1, 127.0.0.2, ... the clients come from")
      .add("--compress", settings.speech.compress, "offer permessage-deflate, and fail if the server declines")
      .add("--tls", settings.speech.tls, "speak TLS, whatever the certificate")
      .add("--patience", settings.patience, "seconds without a word from the server, until the run is given up")
      .add("--settle-ms", settings.settle_ms, "after opening, before memory is read")
      .parse(argc, argv);
  settings.processes = numbers(processes);
  settings.apart = numbers(apart);
  const auto chosen = workloads.find(workload);
  if (chosen == workloads.end() || settings.publishers == 0 || settings.speech.addresses == 0) {
    fmt::print(stderr, "load: there is no workload \"{}\", or none of something\n", workload);
    return 2;
  }
  try {
    const Report report = chosen->second(settings);
    fmt::print("{}\n", json(report));
    return report.good() ? 0 : 1;
  } catch (const load::Failure& failure) {
    fmt::print(stderr, "load: {}\n", failure.what());
    return 1;
  }
}
