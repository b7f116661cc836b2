// SPDX-License-Identifier: MIT
#include "sluice/ws/frame_deflater.hpp"

#include <random>

#include "sluice/ws/shared_deflate.hpp"
#include "support/catch.hpp"
#include "support/plain_inflate.hpp"
#include "support/sample_text.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

const ws::DeflateParameters without_windows{true, true, 15, 15};
const ws::DeflateParameters with_windows{false, false, 15, 15};

// One client's view of what it is sent.
class Client {
 public:
  explicit Client(bool keeps_window) : keeps_window_(keeps_window) {}

  // Each message, with "*" before those that came compressed.
  std::vector<std::string> read(std::string_view wire) {
    std::vector<std::string> out;
    FrameReader reader(wire);
    const char* at = wire.data();
    while (const auto message = reader.next()) {
      const bool compressed = (*at & 0x40) != 0;
      CHECK((static_cast<unsigned char>(*at) & 0xb0) == 0x80);  // whole, and no other reserved bit
      if (!keeps_window_) inflate_ = PlainInflate();
      out.push_back(compressed ? "*" + inflate_.message(message.payload) : std::string(message.payload));
      at = message.payload.data() + message.payload.size();
    }
    return out;
  }

 private:
  bool keeps_window_;
  PlainInflate inflate_;
};

std::vector<std::string> read(const Frame& frame) { return Client(false).read(frame.wire()); }

using Messages = std::vector<std::string>;

Frame joined(std::initializer_list<Frame> frames) {
  Frame all;
  for (const Frame& frame : frames) {
    if (all.empty()) {
      all = frame;
    } else {
      REQUIRE(all.extend(frame));
    }
  }
  return all;
}

}  // namespace

TEST_CASE("a frame is compressed once for all connections with the same parameters", "[ws]") {
  ws::SharedDeflate shared({});
  FrameBuffer frames;
  const std::string json = rows_json(2'000);
  const Frame plain = frames.encode(MessageKind::text, json);
  std::vector<std::shared_ptr<ws::FrameDeflater>> connections;
  for (int i = 0; i < 10'000; ++i) connections.push_back(shared.outgoing(without_windows));
  const Frame first = connections[0]->deflate(plain);
  for (const auto& connection : connections) {
    if (connection->deflate(plain).wire().data() != first.wire().data()) FAIL("it was compressed twice");
  }
  CHECK(shared.sent().messages == 1);
  CHECK(shared.sent().plain_bytes == json.size());
  CHECK(shared.sent().wire_bytes + 4 == first.size());
  CHECK(first.size() < plain.size() / 2);
  CHECK(read(first) == Messages{"*" + json});

  // Once for each window that was agreed on, however the two share the executor.
  const auto small = shared.outgoing({true, true, 9, 15});
  const Frame other = small->deflate(plain);
  CHECK(read(other) == Messages{"*" + json});
  CHECK(small->deflate(plain).wire().data() == other.wire().data());
  CHECK(connections[0]->deflate(plain).wire().data() == first.wire().data());
  CHECK(shared.sent().messages == 2);
}

TEST_CASE("messages that are short or do not shrink are sent uncompressed", "[ws]") {
  ws::SharedDeflate shared({});
  const auto deflater = shared.outgoing(without_windows);
  FrameBuffer frames;
  const std::size_t smallest = DeflateOptions().smallest;
  for (const std::string& text : {std::string(), std::string(smallest - 1, 'a'), noise(5'000)}) {
    const Frame plain = frames.encode(MessageKind::binary, text);
    CHECK(deflater->deflate(plain).wire().data() == plain.wire().data());
  }
  CHECK(shared.sent().messages == 1);  // the noise was tried
  CHECK(shared.sent().wire_bytes == 5'000);
  const std::string just_long_enough(smallest, 'a');
  CHECK(read(deflater->deflate(frames.encode(MessageKind::text, just_long_enough))) ==
        Messages{"*" + just_long_enough});
}

TEST_CASE("messages that are joined are compressed one by one", "[ws]") {
  ws::SharedDeflate shared({});
  const auto deflater = shared.outgoing(without_windows);
  FrameBuffer frames;
  const std::string one = rows_json(500, 1), two = rows_json(70'000, 2), three = rows_json(400, 3);
  const Frame run = joined({frames.encode(MessageKind::text, one), frames.encode(MessageKind::binary, "short"),
                            frames.encode(MessageKind::binary, noise(300)), frames.encode(MessageKind::text, three)});
  CHECK(read(deflater->deflate(run)) == Messages{"*" + one, "short", noise(300), "*" + three});
  CHECK(read(deflater->deflate(frames.encode(MessageKind::text, two))) == Messages{"*" + two});
  const Frame all_short = joined({frames.encode(MessageKind::text, std::string(100, 'a')),
                                  frames.encode(MessageKind::text, std::string(100, 'b'))});
  CHECK(deflater->deflate(all_short).wire().data() == all_short.wire().data());
}

TEST_CASE("frames that grew together in a mailbox are not compressed again", "[ws]") {
  ws::SharedDeflate shared({});
  const auto deflater = shared.outgoing(without_windows);
  FrameBuffer frames;
  const std::string texts[] = {rows_json(500, 1), rows_json(500, 2), rows_json(500, 3), rows_json(500, 4)};
  std::vector<Frame> plain;
  for (const auto& text : texts) plain.push_back(frames.encode(MessageKind::text, text));
  (void)deflater->deflate(plain[0]);
  (void)deflater->deflate(joined({plain[1], plain[2]}));
  CHECK(shared.sent().messages == 3);
  const Frame all = deflater->deflate(joined({plain[0], plain[1], plain[2], plain[3]}));
  CHECK(read(all) == Messages{"*" + texts[0], "*" + texts[1], "*" + texts[2], "*" + texts[3]});
  CHECK(shared.sent().messages == 4);
}

TEST_CASE("the compressed frames of a burst join too", "[ws]") {
  ws::SharedDeflate shared({});
  const auto deflater = shared.outgoing(without_windows);
  FrameBuffer frames;
  Frame first = deflater->deflate(frames.encode(MessageKind::text, rows_json(500, 1)));
  (void)frames.encode(MessageKind::text, "something else");
  CHECK(first.extend(deflater->deflate(frames.encode(MessageKind::text, rows_json(500, 2)))));
}

TEST_CASE("a remembered frame is never taken for another in its place", "[ws]") {
  ws::SharedDeflate shared({});
  const auto deflater = shared.outgoing(without_windows);
  FrameBuffer frames;
  std::mt19937 random(3);
  std::vector<std::pair<Frame, std::string>> alive;
  for (unsigned i = 0; i < 3'000; ++i) {
    const std::string text = rows_json(200 + random() % 3 * 100, i);
    alive.emplace_back(frames.encode(MessageKind::text, text), text);
    const auto& [plain, expected] = alive[random() % alive.size()];
    if (read(deflater->deflate(plain)) != Messages{"*" + expected}) FAIL("another message came out, of round " << i);
    while (alive.size() > random() % 20)
      alive.erase(alive.begin() + static_cast<std::ptrdiff_t>(random() % alive.size()));
    if (random() % 10 == 0) shared.settle();
    if (random() % 100 == 0) alive.clear();
  }
}

TEST_CASE("a large frame is forgotten at the end of the turn", "[ws]") {
  ws::SharedDeflate shared({});
  const auto deflater = shared.outgoing(without_windows);
  FrameBuffer frames;
  (void)deflater->deflate(frames.encode(MessageKind::binary, std::string(5'000'000, 'a') + noise(100'000)));
  CHECK(frames.allocated_bytes() > 5'000'000);
  const std::size_t before = shared.allocated_bytes();
  shared.settle();
  CHECK(frames.allocated_bytes() < 100'000);
  CHECK(shared.allocated_bytes() < before - 100'000);
  CHECK(shared.allocated_bytes() < 500'000);
}

TEST_CASE("a window of its own serves one connection, message after message", "[ws]") {
  ws::SharedDeflate shared({.server_context = DeflateContext::per_connection});
  const auto ann = shared.outgoing(with_windows), ben = shared.outgoing(with_windows);
  CHECK(ann != ben);
  CHECK(ann->allocated_bytes() == 0);
  Client to_ann(true), to_ben(true);
  FrameBuffer frames;
  const Frame plain = frames.encode(MessageKind::text, rows_json(1'000));
  const Frame first = ann->deflate(plain);
  CHECK(ann->allocated_bytes() > 0);
  const Frame again = ann->deflate(plain);
  CHECK(again.size() < first.size() / 5);
  CHECK(to_ann.read(first.wire()) == Messages{"*" + rows_json(1'000)});
  CHECK(to_ann.read(again.wire()) == Messages{"*" + rows_json(1'000)});
  CHECK(to_ben.read(ben->deflate(plain).wire()) == Messages{"*" + rows_json(1'000)});
  CHECK(shared.sent().messages == 3);
  // A message that did not shrink is in the window all the same, so it is sent compressed.
  const Frame random = frames.encode(MessageKind::binary, noise(2'000));
  CHECK(to_ann.read(ann->deflate(random).wire()) == Messages{"*" + noise(2'000)});
  const Frame once_more = ann->deflate(random);
  CHECK(once_more.size() < 200);
  CHECK(to_ann.read(once_more.wire()) == Messages{"*" + noise(2'000)});
  const Frame run =
      joined({frames.encode(MessageKind::text, rows_json(300)), frames.encode(MessageKind::text, "short")});
  CHECK(to_ann.read(ann->deflate(run).wire()) == Messages{"*" + rows_json(300), "short"});
}

TEST_CASE("a client that asks for no context takeover shares compressed frames, whatever the options prefer", "[ws]") {
  ws::SharedDeflate shared({.server_context = DeflateContext::per_connection});
  CHECK(shared.outgoing(without_windows) == shared.outgoing(without_windows));
}

TEST_CASE("every set of parameters is read back", "[ws]") {
  for (int bits = 8; bits <= 15; ++bits) {
    for (const bool forgets : {false, true}) {
      ws::SharedDeflate shared({.smallest = 0});
      const auto deflater = shared.outgoing({forgets, true, bits, 15});
      Client client(!forgets);
      FrameBuffer frames;
      Messages sent, heard;
      for (unsigned i = 0; i < 30; ++i) {
        const std::string text = i % 5 == 0 ? "" : i % 7 == 0 ? noise(900, i) : rows_json(i * 137, i);
        const Frame twin = deflater->deflate(frames.encode(MessageKind::binary, text));
        for (std::string& message : client.read(twin.wire())) {
          heard.push_back(message.starts_with('*') ? message.substr(1) : message);
        }
        sent.push_back(text);
      }
      CAPTURE(bits, forgets);
      CHECK(heard == sent);
    }
  }
}
