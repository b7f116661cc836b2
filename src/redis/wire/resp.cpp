// SPDX-License-Identifier: MIT
#include "redis/wire/resp.hpp"

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <new>

namespace sluice::SLUICE_ABI::redis {
namespace {

Reply convert(const redisReply& from) {
  Reply reply;
  switch (from.type) {
    case REDIS_REPLY_NIL: break;
    case REDIS_REPLY_INTEGER:
      reply.kind = Reply::Kind::integer;
      reply.integer = from.integer;
      break;
    case REDIS_REPLY_ARRAY:
      reply.kind = Reply::Kind::array;
      reply.elements.reserve(from.elements);
      for (std::size_t i = 0; i < from.elements; ++i) reply.elements.push_back(convert(*from.element[i]));
      break;
    default:
      reply.kind = from.type == REDIS_REPLY_ERROR ? Reply::Kind::error : Reply::Kind::text;
      reply.text.assign(from.str, static_cast<std::size_t>(from.len));
  }
  return reply;
}

}  // namespace

void Command::write_to(std::string& out) const {
  std::vector<const char*> words;
  std::vector<std::size_t> lengths;
  for (const std::string& word : words_) {
    words.push_back(word.data());
    lengths.push_back(word.size());
  }
  char* formatted = nullptr;
  const auto length = redisFormatCommandArgv(&formatted, static_cast<int>(words.size()), words.data(), lengths.data());
  if (length < 0) throw std::bad_alloc();
  out.append(formatted, static_cast<std::size_t>(length));
  redisFreeCommand(formatted);
}

bool Reply::is_error(std::string_view code) const noexcept {
  return is_error() && text.starts_with(code) && (text.size() == code.size() || text[code.size()] == ' ');
}

struct ReplyReader::Reader {
  Reader() : of_hiredis(redisReaderCreate()) {
    if (!of_hiredis) throw std::bad_alloc();
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { redisReaderFree(of_hiredis); }

  redisReader* of_hiredis;
};

ReplyReader::ReplyReader() : reader_(std::make_unique<Reader>()) {}
ReplyReader::~ReplyReader() = default;
ReplyReader::ReplyReader(ReplyReader&&) noexcept = default;
ReplyReader& ReplyReader::operator=(ReplyReader&&) noexcept = default;

void ReplyReader::feed(std::string_view bytes) {
  // The reader keeps a failure, and redisReaderGetReply reports it.
  if (!bytes.empty()) redisReaderFeed(reader_->of_hiredis, bytes.data(), bytes.size());
}

Result<std::optional<Reply>> ReplyReader::next() {
  void* object = nullptr;
  if (redisReaderGetReply(reader_->of_hiredis, &object) != REDIS_OK) {
    return Error(ErrorCode::parse_failed, fmt::format("reply from Redis: {}", reader_->of_hiredis->errstr));
  }
  if (!object) return std::optional<Reply>();
  std::optional<Reply> reply = convert(*static_cast<const redisReply*>(object));
  freeReplyObject(object);
  return reply;
}

}  // namespace sluice::SLUICE_ABI::redis
