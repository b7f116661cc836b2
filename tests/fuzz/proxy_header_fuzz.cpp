// SPDX-License-Identifier: MIT
// Malicious PROXY headers: the same result however they are split, within their bound, and accepted ones can be written
// again. The first byte of an input selects the split.
#include <algorithm>
#include <string>

#include "fuzz/check.hpp"
#include "net/proxy/proxy_header.hpp"

using namespace sluice::net;
using Step = ProxyHeaderReader::Step;

namespace {

struct Read {
  Step step = Step::need_more;
  std::size_t taken = 0;
  ProxyHeader header;
  bool operator==(const Read&) const = default;
};

Read read(std::string_view bytes, std::size_t piece) {
  ProxyHeaderReader reader;
  Read result;
  while (result.step == Step::need_more && !bytes.empty()) {
    std::string_view input = bytes.substr(0, piece);
    const std::size_t given = input.size();
    result.step = reader.next(input);
    check(result.step != Step::need_more || input.empty());
    result.taken += given - input.size();
    bytes.remove_prefix(given - input.size());
  }
  check(result.taken <= ProxyHeaderReader::most_bytes);
  if (result.step == Step::complete) result.header = reader.header();
  return result;
}

std::string line(const ProxyHeader& header) {
  const auto& from = header.source;
  const auto& to = header.destination;
  return std::string("PROXY ") + (from.address().is_v4() ? "TCP4 " : "TCP6 ") + from.address().to_string() + " " +
         to.address().to_string() + " " + std::to_string(from.port()) + " " + std::to_string(to.port()) + "\r\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes = text_of(data + 1, size - 1);
  const Read whole = read(bytes, bytes.size());
  check(read(bytes, 1) == whole);
  check(read(bytes, 1 + data[0]) == whole);
  if (!whole.header.has_addresses) return 0;
  const std::string said = line(whole.header);
  const Read again = read(said, said.size());
  check(again.step == Step::complete && again.taken == said.size());
  check(again.header.source == whole.header.source && again.header.destination == whole.header.destination);
  return 0;
}
