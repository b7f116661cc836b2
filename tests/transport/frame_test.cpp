// SPDX-License-Identifier: MIT
#include "sluice/transport/frame.hpp"

#include <deque>
#include <optional>
#include <random>

#include "support/catch.hpp"

using namespace sluice;

namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) out += static_cast<char>(value);
  return out;
}

// The header of an unmasked, unfragmented frame, spelled out for each size (RFC 6455 section 5.2).
std::string header(int opcode, std::size_t size) {
  const auto byte = [size](int shift) { return static_cast<int>(size >> shift & 0xff); };
  if (size < 126) return bytes({0x80 | opcode, static_cast<int>(size)});
  if (size < 65536) return bytes({0x80 | opcode, 126, byte(8), byte(0)});
  return bytes({0x80 | opcode, 127, byte(56), byte(48), byte(40), byte(32), byte(24), byte(16), byte(8), byte(0)});
}

}  // namespace

TEST_CASE("a message is encoded with the shortest header", "[transport]") {
  FrameBuffer frames;
  for (const std::size_t size : {0, 1, 125, 126, 127, 65535, 65536, 65537, 1 << 20}) {
    const std::string payload(size, 'x');
    CHECK(frames.encode(MessageKind::text, payload).wire() == header(1, size) + payload);
    CHECK(frames.encode(MessageKind::binary, payload).wire() == header(2, size) + payload);
  }
}

TEST_CASE("control frames are encoded too", "[transport]") {
  FrameBuffer frames;
  CHECK(frames.encode_control(8, bytes({3, 232})).wire() == bytes({0x88, 2, 3, 232}));
  CHECK(frames.encode_control(9, "").wire() == bytes({0x89, 0}));
  CHECK(frames.encode_control(10, std::string(125, 'p')).wire() == bytes({0x8a, 125}) + std::string(125, 'p'));
}

TEST_CASE("messages that are encoded already stand in a row with the others", "[transport]") {
  FrameBuffer frames;
  for (const std::size_t size : {0, 125, 126, 65535, 65536}) {
    std::string wire;
    append_frame_header(wire, 0xc2, size);
    CHECK(wire == "\xc2" + header(2, size).substr(1));
    wire += std::string(size, 'x');
    CHECK(frames.append(wire).wire() == wire);
  }
  Frame second = frames.encode(MessageKind::text, "one");
  REQUIRE(second.extend(frames.append("\x81\x03two")));
  CHECK(second.wire() == "\x81\x03one\x81\x03two");
}

TEST_CASE("frames that were encoded in a row join into one", "[transport]") {
  FrameBuffer frames;
  Frame first = frames.encode(MessageKind::text, "one");
  const Frame second = frames.encode(MessageKind::binary, "two");
  const Frame third = frames.encode(MessageKind::text, "three");
  const std::string all = std::string(first.wire()) + std::string(second.wire()) + std::string(third.wire());
  CHECK_FALSE(Frame(first).extend(third));
  REQUIRE(first.extend(second));
  REQUIRE(first.extend(third));
  CHECK(first.wire() == all);
  CHECK_FALSE(first.extend(third));
  CHECK(second.wire() == "\x82\x03two");
}

TEST_CASE("frames of two buffers, and of two chunks, don't join", "[transport]") {
  FrameBuffer frames, others;
  Frame mine = frames.encode(MessageKind::text, "a");
  CHECK_FALSE(mine.extend(others.encode(MessageKind::text, "b")));
  Frame last = frames.encode(MessageKind::text, "c");
  std::optional<Frame> next;
  while (!next || last.extend(*next)) next = frames.encode(MessageKind::text, std::string(1000, 'x'));
  CHECK(next->wire().substr(4) == std::string(1000, 'x'));
  CHECK(Frame().extend(Frame()));  // nothing joins nothing
}

TEST_CASE("a joined frame is read message by message", "[transport]") {
  FrameBuffer frames;
  Frame joined = frames.encode(MessageKind::text, "");
  const std::string large(300, 'l'), huge(70'000, 'h');
  for (const std::string_view payload : {std::string_view("a"), std::string_view(large)}) {
    REQUIRE(joined.extend(frames.encode(MessageKind::binary, payload)));
  }
  FrameReader reader(joined.wire());
  const auto next = [&reader] {
    const auto item = reader.next();
    return item ? std::string(item.kind == MessageKind::text ? "text " : "binary ") + std::string(item.payload) : "end";
  };
  CHECK(next() == "text ");
  CHECK(next() == "binary a");
  CHECK(next() == "binary " + large);
  CHECK(next() == "end");
  CHECK(next() == "end");
  const Frame alone = frames.encode(MessageKind::text, huge);
  CHECK(FrameReader(alone.wire()).next().payload == huge);
  CHECK_FALSE(FrameReader("").next());
}

TEST_CASE("consumed bytes are removed from the front", "[transport]") {
  FrameBuffer frames;
  Frame frame = frames.encode(MessageKind::text, "hello");
  frame.consume(3);
  CHECK(frame.wire() == "ello");
  CHECK(frame.size() == 4);
  CHECK_FALSE(frame.empty());
  frame.consume(4);
  CHECK(frame.empty());
  CHECK(Frame().empty());
  CHECK(Frame().wire() == "");
}

TEST_CASE("copies of a frame share its bytes and keep them", "[transport]") {
  FrameBuffer frames;
  Frame copy;
  const char* where = nullptr;
  {
    const Frame frame = frames.encode(MessageKind::text, "shared");
    where = frame.wire().data();
    copy = frame;
  }
  for (int i = 0; i < 1000; ++i) (void)frames.encode(MessageKind::text, std::string(100, 'x'));
  CHECK(copy.wire().data() == where);
  CHECK(copy.wire().substr(2) == "shared");
  Frame moved = std::move(copy);
  CHECK(copy.empty());
  const Frame& same = moved;
  moved = same;
  CHECK(moved.wire().substr(2) == "shared");
}

TEST_CASE("a chunk is written again as soon as no frame points into it", "[transport]") {
  FrameBuffer frames;
  const char* where = frames.encode(MessageKind::text, "first").wire().data();
  const std::size_t allocated = frames.allocated_bytes();
  CHECK(allocated > 0);
  for (int i = 0; i < 100'000; ++i) CHECK_NOTHROW(frames.encode(MessageKind::text, "next"));
  CHECK(frames.encode(MessageKind::text, "again").wire().data() == where);
  CHECK(frames.allocated_bytes() == allocated);
}

TEST_CASE("one unused chunk is kept as a spare", "[transport]") {
  FrameBuffer frames;
  (void)frames.encode(MessageKind::text, "x");
  const std::size_t one_chunk = frames.allocated_bytes();
  std::deque<Frame> held;
  while (frames.allocated_bytes() < 5 * one_chunk)
    held.push_back(frames.encode(MessageKind::text, std::string(1000, 'x')));
  held.clear();
  CHECK(frames.allocated_bytes() == 2 * one_chunk);
}

TEST_CASE("a frame larger than a chunk has memory of its own", "[transport]") {
  FrameBuffer frames;
  (void)frames.encode(MessageKind::text, "x");
  const std::size_t before = frames.allocated_bytes();
  {
    const Frame large = frames.encode(MessageKind::binary, std::string(200'000, 'l'));
    CHECK(large.size() == 200'010);
    CHECK(large.pinned_bytes() == 200'010);
    CHECK(frames.allocated_bytes() > before + 200'000);
  }
  CHECK(frames.allocated_bytes() == before);
}

TEST_CASE("a copy in memory of its own keeps nothing else alive", "[transport]") {
  FrameBuffer frames;
  Frame small = frames.encode(MessageKind::text, "small");
  CHECK(small.pinned_bytes() > 1000);
  Frame copy = frames.copy(small);
  CHECK(copy.wire() == small.wire());
  CHECK(copy.wire().data() != small.wire().data());
  CHECK(copy.pinned_bytes() == copy.size());
  CHECK_FALSE(copy.extend(small));
}

TEST_CASE("frames outlive their buffer", "[transport]") {
  std::vector<Frame> survivors;
  {
    FrameBuffer frames;
    survivors.push_back(frames.encode(MessageKind::text, "in the first chunk"));
    std::deque<Frame> filling;
    while (frames.allocated_bytes() < 200'000) {
      filling.push_back(frames.encode(MessageKind::text, std::string(1000, 'x')));
    }
    survivors.push_back(frames.encode(MessageKind::text, "in the current chunk"));
    survivors.push_back(frames.encode(MessageKind::text, std::string(100'000, 'l')));
    survivors.push_back(frames.copy(survivors.front()));
  }
  CHECK(survivors[0].wire().substr(2) == "in the first chunk");
  CHECK(survivors[1].wire().substr(2) == "in the current chunk");
  CHECK(survivors[2].size() == 100'010);
  CHECK(survivors[3].wire() == survivors[0].wire());
}

TEST_CASE("whatever is encoded, held, joined and dropped, bytes are right and memory comes back", "[transport]") {
  FrameBuffer frames;
  (void)frames.encode(MessageKind::text, "x");
  const std::size_t one_chunk = frames.allocated_bytes();
  struct Held {
    Frame frame;
    std::string expected;
  };
  std::deque<Held> held;
  std::mt19937 random(GENERATE(1U, 2U, 3U));
  const auto below = [&random](std::size_t limit) { return random() % limit; };
  for (int step = 0; step < 20'000; ++step) {
    const std::size_t action = below(100);
    if (action < 50 || held.empty()) {
      const std::size_t size = below(50) == 0 ? below(150'000) : below(10) == 0 ? below(5'000) : below(300);
      const std::string payload(size, static_cast<char>('a' + step % 26));
      Frame frame = frames.encode(MessageKind::text, payload);
      std::string expected = header(1, size) + payload;
      if (!held.empty() && below(2) == 0 && held.back().frame.extend(frame)) {
        held.back().expected += expected;
      } else {
        held.push_back({std::move(frame), std::move(expected)});
      }
    } else if (action < 60) {
      held.push_back(held[below(held.size())]);
    } else if (action < 65) {
      const Held& source = held[below(held.size())];
      if (!source.frame.empty()) held.push_back({frames.copy(source.frame), source.expected});
    } else if (action < 75) {
      Held& one = held[below(held.size())];
      const std::size_t taken = below(one.expected.size() + 1);
      one.frame.consume(taken);
      one.expected.erase(0, taken);
    } else {
      const std::size_t at = below(held.size());
      REQUIRE(held[at].frame.wire() == held[at].expected);
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
    }
    if (held.size() > 200) held.erase(held.begin(), held.begin() + 150);
  }
  for (const Held& one : held) REQUIRE(one.frame.wire() == one.expected);
  held.clear();
  CHECK(frames.allocated_bytes() <= 2 * one_chunk);
}
