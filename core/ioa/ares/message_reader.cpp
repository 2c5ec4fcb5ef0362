#include "ioa/ares/message_reader.hpp"

#include <ares.h>

#include <new>

namespace ioa::detail {

std::optional<std::size_t> MessageReader::skip_name(std::size_t at) const noexcept {
  std::optional<std::size_t> end;  // behind the first pointer
  std::size_t lowest = at;         // pointers lead backwards only, so there is no circle
  std::size_t length = 1;          // the root's label
  while (at < size()) {
    const std::uint8_t label = u8(at);
    if (label == 0) return end ? end : at + 1;
    if ((label & 0xc0) == 0xc0) {  // RFC 1035 s4.1.4
      if (at + 1 >= size()) return std::nullopt;
      const std::size_t target = u16(at) & 0x3fff;
      if (!end) end = at + 2;
      if (target >= lowest) return std::nullopt;
      at = lowest = target;
      continue;
    }
    length += std::size_t{1} + label;
    if ((label & 0xc0) != 0 || length > kMaxNameSize) return std::nullopt;
    at += std::size_t{1} + label;
  }
  return std::nullopt;
}

std::string MessageReader::name(std::size_t at) const {
  char* text = nullptr;
  long encoded_size = 0;
  const int status = ::ares_expand_name(message_.data() + at, message_.data(),
                                        static_cast<int>(size()), &text, &encoded_size);
  if (status == ARES_ENOMEM) throw std::bad_alloc();
  if (status != ARES_SUCCESS) return {};
  std::string result = text;
  ::ares_free_string(text);
  return result;
}

std::optional<std::size_t> MessageReader::skip_question() const noexcept {
  if (size() < kHeaderSize || questions() != 1) return std::nullopt;
  const auto end = skip_name(kHeaderSize);
  if (!end || *end + kQuestionSize > size()) return std::nullopt;
  return *end + kQuestionSize;
}

std::optional<RecordPlace> record_at(const MessageReader& reader, std::size_t at) noexcept {
  const auto end = reader.skip_name(at);
  if (!end || *end + MessageReader::kRecordSize > reader.size()) return std::nullopt;
  RecordPlace place;
  place.owner = at;
  place.type = reader.u16(*end);
  place.record_class = reader.u16(*end + 2);
  place.ttl_s = reader.u32(*end + 4);
  if (place.ttl_s > 0x7fffffff) place.ttl_s = 0;  // RFC 2181 s8
  place.size = reader.u16(*end + 8);
  place.data = *end + MessageReader::kRecordSize;
  if (place.end() > reader.size()) return std::nullopt;
  return place;
}

}  // namespace ioa::detail
