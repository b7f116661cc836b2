// SPDX-License-Identifier: MIT
#include "load/deflate.hpp"

#include "load/failure.hpp"

namespace load {

namespace {

constexpr std::string_view tail("\0\0\xff\xff", 4);  // RFC 7692 section 7.2.1: what ends a message is not sent

void give(z_stream& stream, std::string_view bytes) {
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
}

// Runs `step` until it has taken all input and has room left.
template <class Step>
void drain(z_stream& stream, std::string& out, Step step) {
  char room[16 * 1024];
  do {
    stream.next_out = reinterpret_cast<Bytef*>(room);
    stream.avail_out = sizeof room;
    const int result = step(&stream, Z_SYNC_FLUSH);
    if (result != Z_OK && result != Z_BUF_ERROR) throw Failure("the server's compressed message is broken");
    out.append(room, sizeof room - stream.avail_out);
  } while (stream.avail_out == 0 || stream.avail_in > 0);
}

}  // namespace

Deflate::Out Deflate::deflating() {
  Out stream(new z_stream{});
  if (deflateInit2(stream.get(), 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw Failure("no memory");
  return stream;
}

Deflate::In Deflate::inflating() {
  In stream(new z_stream{});
  if (inflateInit2(stream.get(), -15) != Z_OK) throw Failure("no memory");
  return stream;
}

std::unique_ptr<Deflate> Deflate::agreed(std::string_view head) {
  const std::size_t at = head.find("permessage-deflate");
  if (at == head.npos) return nullptr;
  const std::string_view parameters = head.substr(at, head.find("\r\n", at) - at);
  if (parameters.find("max_window_bits") != parameters.npos) throw Failure("a window that was not asked for");
  const auto says = [&](std::string_view parameter) { return parameters.find(parameter) != parameters.npos; };
  return std::unique_ptr<Deflate>(
      new Deflate(!says("server_no_context_takeover"), !says("client_no_context_takeover")));
}

Deflate::Deflate(bool server_takeover, bool client_takeover)
    : out_(client_takeover ? deflating() : nullptr), in_(server_takeover ? inflating() : nullptr) {}

std::string Deflate::deflated(std::string_view payload) {
  static const Out borrowed = deflating();
  z_stream& stream = out_ ? *out_ : *borrowed;
  if (!out_) deflateReset(&stream);
  give(stream, payload);
  std::string out;
  drain(stream, out, deflate);
  out.resize(out.size() - tail.size());
  return out;
}

std::string Deflate::inflated(std::string_view payload) {
  static const In borrowed = inflating();
  z_stream& stream = in_ ? *in_ : *borrowed;
  if (!in_) inflateReset(&stream);
  std::string out;
  for (const std::string_view part : {payload, tail}) {
    give(stream, part);
    drain(stream, out, inflate);
  }
  return out;
}

}  // namespace load
