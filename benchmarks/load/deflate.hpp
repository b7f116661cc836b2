// SPDX-License-Identifier: MIT
// The client's side of permessage-deflate (RFC 7692), straight on zlib, so that a server is not measured by its own
// code
#pragma once

#include <zlib.h>

#include <memory>
#include <string>
#include <string_view>

namespace load {

/// One connection's agreement. A direction without takeover borrows its window, so that thousands of clients fit.
/// One thread at a time.
class Deflate {
 public:
  static constexpr std::string_view offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

  /// What the answer's head says; null if the server did not agree. A window of another size than 15 bits is refused
  /// with a Failure: the offer asks for none.
  static std::unique_ptr<Deflate> agreed(std::string_view head);

  std::string deflated(std::string_view payload);
  std::string inflated(std::string_view payload);

 private:
  template <int (*end)(z_stream*)>
  struct End {
    void operator()(z_stream* stream) const {
      end(stream);
      delete stream;
    }
  };
  using Out = std::unique_ptr<z_stream, End<deflateEnd>>;
  using In = std::unique_ptr<z_stream, End<inflateEnd>>;

  Deflate(bool server_takeover, bool client_takeover);
  static Out deflating();
  static In inflating();

  Out out_;  // null: the borrowed one
  In in_;
};

}  // namespace load
