// SPDX-License-Identifier: MIT
// Random frames, compared with a simple model, and random garbage, compared with itself split differently.
#include <random>

#include "support/catch.hpp"
#include "support/client_frame.hpp"
#include "ws/protocol_transcript.hpp"

using namespace sluice;
using namespace sluice::test;
using ws::Opcode;

namespace {

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(engine_); }
  bool once_in(std::size_t times) { return below(times) == 0; }
  char byte() { return static_cast<char>(below(256)); }
  ws::MaskingKey key() { return {byte(), byte(), byte(), byte()}; }
  std::string bytes(std::size_t limit) {
    std::string out(below(limit), '\0');
    for (char& c : out) c = byte();
    return out;
  }
  std::string text(std::size_t characters) {
    static const std::vector<std::string> letters = {"a", "Z", " ", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8c\x8a"};
    std::string out;
    for (std::size_t count = below(characters); count > 0; --count) out += letters[below(letters.size())];
    return out;
  }
  std::size_t message_size() {
    static const std::vector<std::size_t> limits = {2, 20, 130, 300, 70'000};
    return limits[once_in(20) ? 4 : below(4)];
  }

 private:
  std::mt19937 engine_;
};

// A client's messages, as bytes and as the expected result.
class Speaker {
 public:
  explicit Speaker(Dice& dice) : dice_(dice) {}

  void say_something() {
    if (dice_.once_in(4)) return control();
    const bool text = dice_.once_in(2);
    const std::string payload = text ? dice_.text(dice_.message_size()) : dice_.bytes(dice_.message_size());
    std::string_view rest = payload;
    Opcode opcode = text ? Opcode::text : Opcode::binary;
    while (dice_.once_in(2)) {
      const std::size_t size = dice_.below(rest.size() + 1);
      bytes_ += client_frame(opcode, rest.substr(0, size), false, dice_.key());
      rest.remove_prefix(size);
      opcode = Opcode::continuation;
      if (dice_.once_in(3)) control();
    }
    bytes_ += client_frame(opcode, rest, true, dice_.key());
    expected_.push_back((text ? "text: " : "binary: ") + payload);
  }
  void close() {
    const std::string text = dice_.text(30);
    bytes_ += client_close(4000, text) + dice_.bytes(40);
    expected_.push_back("close 4000: " + text);
  }
  const std::string& bytes() const noexcept { return bytes_; }
  const Transcript& expected() const noexcept { return expected_; }

 private:
  void control() {
    const bool ping = dice_.once_in(2);
    const std::string payload = dice_.bytes(126);
    bytes_ += client_frame(ping ? Opcode::ping : Opcode::pong, payload, true, dice_.key());
    expected_.push_back((ping ? "ping: " : "pong: ") + payload);
  }

  Dice& dice_;
  std::string bytes_;
  Transcript expected_;
};

Transcript heard_at_random_cuts(std::string_view bytes, std::size_t limit, Dice& dice) {
  Listener listener(limit);
  const std::size_t longest = 1 + dice.below(bytes.size() + 1);
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), 1 + dice.below(longest));
    listener.hear(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return listener.lines();
}

// Frames with two faults may name either, but not with another code.
Transcript without_fault_texts(Transcript lines) {
  for (std::string& line : lines) {
    if (line.starts_with("failed")) line.resize(line.find(':'));
  }
  return lines;
}

}  // namespace

TEST_CASE("random valid frames, split at random, give what the model gives", "[ws]") {
  Dice dice(20'260'101);
  for (int round = 0; round < 2'000; ++round) {
    Speaker speaker(dice);
    for (std::size_t messages = dice.below(8); messages > 0; --messages) speaker.say_something();
    if (dice.once_in(2)) speaker.close();
    const Transcript lines = heard_at_random_cuts(speaker.bytes(), default_limit, dice);
    if (lines != speaker.expected()) {
      INFO("round " << round);
      REQUIRE(lines == speaker.expected());
    }
  }
}

TEST_CASE("a hundred thousand random inputs do no harm, and give the same result however they are split", "[ws]") {
  Dice dice(7);
  int failed = 0;
  for (int round = 0; round < 100'000; ++round) {
    std::string bytes;
    if (dice.once_in(4)) {
      bytes = dice.bytes(80);
    } else {  // nearly right gets deeper in
      for (std::size_t frames = 1 + dice.below(4); frames > 0; --frames) {
        const std::string payload = dice.once_in(2) ? dice.text(20) : dice.bytes(30);
        bytes += raw_frame(
            static_cast<std::uint8_t>(dice.once_in(10) ? dice.byte() : "\x81\x02\x80\x01\x88\x89"[dice.below(6)]),
            payload, dice.key());
      }
      if (dice.once_in(2)) bytes[dice.below(bytes.size())] = dice.byte();
      if (dice.once_in(8)) bytes.resize(dice.below(bytes.size() + 1));
    }
    const std::size_t limit = dice.below(50);
    const Transcript whole = without_fault_texts(heard_whole(bytes, limit));
    const Transcript cut = without_fault_texts(heard_at_random_cuts(bytes, limit, dice));
    if (whole != cut) {
      INFO("round " << round);
      REQUIRE(cut == whole);
    }
    failed += !whole.empty() && whole.back().starts_with("failed");
  }
  CHECK(failed > 50'000);  // or the garbage is not what it should be
  CHECK(failed < 99'000);
}
