// SPDX-License-Identifier: MIT
#include "net/socket/write_queue.hpp"

#include <malloc.h>

#include <algorithm>
#include <array>
#include <string>

#include "support/catch.hpp"

using namespace sluice;
using net::WriteQueue;

namespace {

// A queue, and a kernel that takes as many bytes as the test allows.
class Pipe {
 public:
  void push(std::string_view text) { queue.push(frames.encode(MessageKind::text, text), spares); }
  void pong(std::string_view payload) { queue.push_ahead(frames.encode_control(0xA, payload).wire(), spares); }
  void ping() { queue.push_ping(frames.encode_control(0x9, {}).wire(), spares); }
  // Gathers, takes at most `room` bytes, and returns whether all were taken.
  bool write(std::size_t room) {
    std::array<std::string_view, 3> views;
    const std::size_t count = queue.gather(views);
    std::string offered;
    for (std::size_t i = 0; i < count; ++i) offered += views[i];
    const std::size_t taken = std::min(room, offered.size());
    wire += offered.substr(0, taken);
    queue.took(taken, spares);
    return queue.empty();
  }
  void write_all() {
    while (!write(1 << 20)) {}
  }
  // What has arrived, as lines.
  std::string heard() const {
    std::string lines;
    std::size_t at = 0;
    while (at + 2 <= wire.size()) {
      const auto opcode = static_cast<std::uint8_t>(wire[at]) & 0x0f;
      const auto length = static_cast<std::uint8_t>(wire[at + 1]);
      lines += (opcode == 1   ? "text "
                : opcode == 8 ? "close "
                : opcode == 9 ? "ping "
                              : "pong ") +
               wire.substr(at + 2, length) + "\n";
      at += 2u + length;
    }
    return at == wire.size() ? lines : lines + "half a frame\n";
  }

  FrameBuffer frames;
  WriteQueue::Spares spares;
  WriteQueue queue;
  std::string wire;
};

}  // namespace

TEST_CASE("a queue of one range is 32 bytes", "[net]") { CHECK(sizeof(WriteQueue) <= 32); }

TEST_CASE("frames that lie side by side leave as one range", "[net]") {
  Pipe pipe;
  for (int i = 0; i < 256; ++i) pipe.push("x");
  std::array<std::string_view, 64> views;
  CHECK(pipe.queue.gather(views) == 1);
  CHECK(views[0].size() == 256 * 3);
  CHECK(pipe.queue.bytes() == 256 * 3);
  pipe.write_all();
  CHECK(pipe.queue.empty());
  CHECK(pipe.queue.bytes() == 0);
}

TEST_CASE("frames from different places keep their order", "[net]") {
  Pipe pipe;
  FrameBuffer elsewhere;
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    const std::string text = "m" + std::to_string(i);
    pipe.queue.push((i % 2 ? pipe.frames : elsewhere).encode(MessageKind::text, text), pipe.spares);
    expected += "text " + text + "\n";
  }
  pipe.write_all();
  CHECK(pipe.heard() == expected);
}

TEST_CASE("a kernel that takes any number of bytes at a time gets the same stream", "[net]") {
  for (std::size_t room = 1; room < 40; ++room) {
    Pipe pipe;
    FrameBuffer elsewhere;
    std::string expected;
    for (int i = 0; i < 12; ++i) {
      const std::string text = "message " + std::to_string(i);
      pipe.queue.push((i % 3 ? pipe.frames : elsewhere).encode(MessageKind::text, text), pipe.spares);
      expected += "text " + text + "\n";
      pipe.write(room);
      pipe.queue.release_shared(pipe.frames);
    }
    while (!pipe.write(room)) {}
    CAPTURE(room);
    CHECK(pipe.heard() == expected);
    CHECK(pipe.queue.bytes() == 0);
  }
}

TEST_CASE("a pong is sent before queued messages, but not inside a message", "[net]") {
  for (std::size_t room = 0; room <= 10; ++room) {
    Pipe pipe;
    pipe.push("one");  // five bytes each
    pipe.push("two");
    pipe.push("six");
    pipe.write(room);
    pipe.pong("p");
    pipe.write_all();
    CAPTURE(room);
    const bool first = room == 0, second = room > 0 && room <= 5;
    CHECK(pipe.heard() == (first    ? "pong p\ntext one\ntext two\ntext six\n"
                           : second ? "text one\npong p\ntext two\ntext six\n"
                                    : "text one\ntext two\npong p\ntext six\n"));
  }
}

TEST_CASE("a waiting pong is replaced by the next, one that is partly written is not", "[net]") {
  Pipe pipe;
  pipe.push("one");
  pipe.write(2);
  pipe.pong("first");
  pipe.pong("second");
  pipe.write(3 + 4);  // the rest of the message, and half of the pong
  pipe.pong("third");
  pipe.pong("fourth");
  pipe.write(1);
  pipe.pong("fifth");
  pipe.write_all();
  CHECK(pipe.heard() == "text one\npong second\npong fifth\n");
}

TEST_CASE("a ping is sent before queued messages, and does not replace a pong", "[net]") {
  for (const bool pong_first : {true, false}) {
    Pipe pipe;
    pipe.push("one");
    pipe.push("two");
    pipe.write(2);
    if (pong_first) pipe.pong("a");
    pipe.ping();
    pipe.pong("b");
    pipe.pong("c");
    pipe.write_all();
    CHECK(pipe.heard() == "text one\nping \npong c\ntext two\n");
  }
  Pipe pipe;
  pipe.push("one");
  pipe.pong("begun");
  pipe.write(1);  // of the pong
  pipe.ping();
  pipe.pong("next");
  pipe.write_all();
  CHECK(pipe.heard() == "pong begun\nping \npong next\ntext one\n");
}

TEST_CASE("queued messages can be discarded without cutting one", "[net]") {
  for (std::size_t room = 0; room <= 15; ++room) {
    Pipe pipe;
    for (const char* text : {"one", "two", "six"}) pipe.push(text);
    pipe.write(room);
    pipe.pong("p");
    pipe.queue.drop_waiting(pipe.spares);
    CHECK(pipe.queue.bytes() == 0);
    pipe.queue.push(pipe.frames.encode_control(8, "bye"), pipe.spares);
    pipe.write_all();
    CAPTURE(room);
    std::string expected;
    if (room > 0) expected += "text one\n";
    if (room > 5) expected += "text two\n";
    if (room > 10) expected += "text six\n";
    CHECK(pipe.heard() == expected + "close bye\n");
  }
}

TEST_CASE("a pong that has begun is finished before the close frame", "[net]") {
  Pipe pipe;
  pipe.push("one");
  pipe.write(1);
  pipe.pong("p");
  pipe.write(4 + 1);
  pipe.queue.drop_waiting(pipe.spares);
  pipe.queue.push(pipe.frames.encode_control(8, "bye"), pipe.spares);
  pipe.write_all();
  CHECK(pipe.heard() == "text one\npong p\nclose bye\n");
}

TEST_CASE("an HTTP answer goes before the first frames", "[net]") {
  Pipe pipe;
  pipe.queue.push_bytes("HTTP/1.1 101 ", pipe.spares);
  pipe.queue.push_bytes("and so on", pipe.spares);
  CHECK_FALSE(pipe.queue.empty());
  CHECK(pipe.queue.bytes() == 0);
  pipe.push("one");
  pipe.write(3);
  pipe.pong("p");
  pipe.write_all();
  CHECK(pipe.wire == "HTTP/1.1 101 and so on\x8a\x01p\x81\x03one");
}

TEST_CASE("a slow reader keeps at most a few times its own bytes alive", "[net]") {
  Pipe pipe;
  pipe.push("mine");
  const std::size_t before = pipe.frames.allocated_bytes();
  CHECK(before >= 64 * 1024);
  pipe.queue.release_shared(pipe.frames);
  std::array<std::string_view, 4> views;
  CHECK(pipe.queue.gather(views) == 1);
  pipe.write(2);
  pipe.push("again");
  pipe.queue.release_shared(pipe.frames);
  // The shared chunk is free again: two large frames find room in it, one after the other.
  for (int i = 0; i < 2; ++i) pipe.frames.encode(MessageKind::binary, std::string(60'000, 'x'));
  CHECK(pipe.frames.allocated_bytes() < before + 4096);
  pipe.write_all();
  CHECK(pipe.heard() == "text mine\ntext again\n");
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they have allocators of their own
TEST_CASE("a slow reader's queue takes no more memory than is counted, however small its frames", "[net]") {
  for (const std::size_t size : {2, 4, 100, 3'000, 17'000, 40'000}) {
    for (const int frames_per_turn : {1, 1'000}) {
      constexpr std::size_t enough = 4'000'000;
      Pipe pipe;
      FrameBuffer elsewhere;
      const std::string text(size, 'x'), others(1'000, 'o');
      const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
      std::size_t most = 0;
      while (pipe.queue.bytes() < enough) {
        for (int i = 0; i < frames_per_turn && pipe.queue.bytes() < enough; ++i) {
          elsewhere.encode(MessageKind::text, others);  // so that they do not lie side by side
          pipe.queue.push(elsewhere.encode(MessageKind::text, text), pipe.spares);
        }
        most = std::max(most, pipe.queue.held_bytes());
        pipe.queue.release_shared(pipe.frames);
      }
      const std::size_t held = mallinfo2().uordblks + mallinfo2().hblkhd - before;
      CAPTURE(size, frames_per_turn, held, pipe.queue.bytes(), pipe.queue.held_bytes(), most);
      CHECK(held < pipe.queue.held_bytes() * 5 / 4 + 200'000);
      CHECK(pipe.queue.held_bytes() < pipe.queue.bytes() * 9 / 8);
      std::array<std::string_view, 64> views;
      while (const std::size_t count = pipe.queue.gather(views)) {
        std::size_t taken = 0;
        for (std::size_t i = 0; i < count; ++i) taken += views[i].size();
        pipe.queue.took(taken, pipe.spares);
      }
      CHECK(pipe.queue.held_bytes() == 0);
    }
  }
}
#endif

TEST_CASE("a reader that never catches up does not grow the queue's own memory", "[net]") {
  Pipe pipe;
  FrameBuffer elsewhere;
  std::string expected;
  for (int i = 0; i < 10'000; ++i) {
    pipe.queue.push((i % 2 ? pipe.frames : elsewhere).encode(MessageKind::text, "abc"), pipe.spares);
    if (i >= 100) pipe.write(5);
    expected += "text abc\n";
  }
  CHECK(pipe.queue.bytes() == 100 * 5);
  pipe.write_all();
  CHECK(pipe.heard() == expected);
}

TEST_CASE("clearing a queue frees its memory", "[net]") {
  Pipe pipe;
  FrameBuffer elsewhere;
  pipe.push("one");
  pipe.queue.push(elsewhere.encode(MessageKind::text, "two"), pipe.spares);
  pipe.write(3);
  pipe.queue.clear(pipe.spares);
  CHECK(pipe.queue.empty());
  pipe.push("three");
  pipe.write_all();
  CHECK(pipe.wire.substr(3) == "\x81\x05three");
}
