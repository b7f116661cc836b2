// SPDX-License-Identifier: MIT
// What permessage-deflate takes: memory for each way to keep windows, and time and size for messages of a table
#include <fmt/format.h>

#include <string>

#include "sluice/ws/shared_deflate.hpp"
#include "support.hpp"

namespace {

using namespace sluice;

std::string rows(std::size_t bytes, unsigned seed) {
  std::string out = R"({"type":"rows_updated","table_id":7,"rows":[)";
  for (unsigned id = seed; out.size() < bytes; id = id * 1664525 + 1013904223) {
    out += fmt::format(R"({{"id":{},"order":"{}.00000000","name":"row {}","price":{},"active":{}}},)", id % 10'000,
                       id % 500, id >> 28, id >> 16, id & 1 ? "true" : "false");
  }
  out.resize(bytes);
  return out;
}

void memory_of_windows() {
  fmt::print("memory of one connection that keeps its windows, in KiB\n");
  fmt::print("  window bits  memory level  to the client  from the client\n");
  for (const auto& [bits, memory_level] : {std::pair(15, 8), {15, 4}, {13, 6}, {12, 5}, {11, 4}, {10, 3}, {9, 1}}) {
    ws::Deflater deflater(bits, 1, memory_level);
    ws::Inflater inflater(bits);
    std::string payload, back;
    deflater.deflate(rows(100'000, 1), payload);
    (void)inflater.inflate(payload, true, back, 1 << 20);
    fmt::print("  {:11}  {:12}  {:13.1f}  {:15.1f}\n", bits, memory_level, double(deflater.allocated_bytes()) / 1024,
               double(inflater.allocated_bytes()) / 1024);
  }
}

void memory_of_sharing() {
  ws::SharedDeflate shared({});
  const ws::DeflateParameters agreed{true, true, 15, 15};
  const auto outgoing = shared.outgoing(agreed);
  const auto incoming = shared.incoming(agreed);
  FrameBuffer frames;
  const Frame twin = outgoing->deflate(frames.encode(MessageKind::text, rows(1'000, 1)));
  std::string back;
  incoming->begin();
  (void)incoming->inflate(FrameReader(twin.wire()).next().payload, true, back, 1 << 20);
  fmt::print("memory of an executor for all connections that keep none: {:.1f} KiB; of each of them: {} bytes\n\n",
             double(shared.allocated_bytes()) / 1024, sizeof(ws::MessageInflater) + incoming->allocated_bytes());
}

void time_and_size() {
  fmt::print("a message alone, in microseconds and bytes\n");
  fmt::print("   plain   level  deflate  inflate   bytes   ratio\n");
  for (const std::size_t bytes : {64, 128, 256, 512, 1'024, 4'096, 16'384, 65'536}) {
    for (const int level : {1, 6}) {
      const std::string message = rows(bytes, 1);
      ws::Deflater deflater(15, level, 8);
      ws::Inflater inflater(15);
      std::string payload, back;
      const std::size_t operations = std::max<std::size_t>(4'000'000 / (bytes + 2'000), 10);
      const double deflating = bench::nanoseconds_per(operations, [&] {
        for (std::size_t i = 0; i < operations; ++i) {
          payload.clear();
          deflater.deflate(message, payload);
          deflater.forget();
        }
      });
      const double inflating = bench::nanoseconds_per(operations, [&] {
        for (std::size_t i = 0; i < operations; ++i) {
          back.clear();
          (void)inflater.inflate(payload, true, back, 1 << 20);
          inflater.forget();
        }
      });
      fmt::print("  {:6}  {:6}  {:7.1f}  {:7.1f}  {:6}  {:6.2f}\n", bytes, level, deflating / 1000, inflating / 1000,
                 payload.size(), double(payload.size()) / double(bytes));
    }
  }
}

void one_for_many() {
  ws::SharedDeflate shared({});
  const auto outgoing = shared.outgoing({true, true, 15, 15});
  FrameBuffer frames;
  constexpr std::size_t recipients = 10'000;
  const Frame plain = frames.encode(MessageKind::text, rows(1'000, 1));
  const double each = bench::nanoseconds_per(recipients, [&] {
    for (std::size_t i = 0; i < recipients; ++i) bench::keep(outgoing->deflate(plain).size());
  });
  fmt::print("\na broadcast of 1,000 bytes to {} recipients: {:.1f} ns for each, compressed once\n", recipients, each);
}

}  // namespace

int main() {
  memory_of_windows();
  memory_of_sharing();
  time_and_size();
  one_for_many();
}
