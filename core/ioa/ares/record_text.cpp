#include "ioa/ares/record_text.hpp"

#include <arpa/inet.h>

#include <array>
#include <cstdio>
#include <string_view>

namespace ioa::detail {
namespace {

/// Walks through the data of one record. Once something is missing, nothing more is there.
class Fields {
 public:
  Fields(const MessageReader& reader, const RecordPlace& place) noexcept
      : reader_(reader), at_(place.data), end_(place.end()) {}

  bool is_good() const noexcept { return is_good_; }
  /// All of it was read, and it was good.
  bool is_done() const noexcept { return is_good_ && at_ == end_; }
  std::size_t left() const noexcept { return is_good_ ? end_ - at_ : 0; }

  std::uint8_t u8() { return take(1) ? reader_.u8(at_ - 1) : std::uint8_t{0}; }
  std::uint16_t u16() { return take(2) ? reader_.u16(at_ - 2) : std::uint16_t{0}; }
  std::uint32_t u32() { return take(4) ? reader_.u32(at_ - 4) : 0; }
  std::string_view bytes(std::size_t size) {
    if (!take(size)) return {};
    return {reinterpret_cast<const char*>(reader_.message().data()) + at_ - size, size};
  }
  std::string_view rest() { return bytes(left()); }

  /// An absolute name, with the dot at its end.
  std::string name() {
    const auto end = is_good_ ? reader_.skip_name(at_) : std::nullopt;
    if (!end || *end > end_) {
      is_good_ = false;
      return {};
    }
    std::string text = reader_.name(at_) + ".";
    at_ = *end;
    return text;
  }

 private:
  bool take(std::size_t size) {
    if (left() < size) is_good_ = false;
    if (is_good_) at_ += size;
    return is_good_;
  }

  const MessageReader& reader_;
  std::size_t at_;
  std::size_t end_;
  bool is_good_ = true;
};

/// Bytes as a <character-string> holds them; `escaped` are those that need a backslash.
void append_escaped(std::string& text, std::string_view bytes, std::string_view escaped) {
  for (const char byte : bytes) {
    const auto code = static_cast<unsigned char>(byte);
    if (code < 0x20 || code > 0x7e) {
      std::array<char, 5> digits{};
      std::snprintf(digits.data(), digits.size(), "\\%03u", static_cast<unsigned>(code));
      text += digits.data();
      continue;
    }
    if (escaped.find(byte) != std::string_view::npos) text += '\\';
    text += byte;
  }
}

std::string quoted(std::string_view bytes) {
  std::string text = "\"";
  append_escaped(text, bytes, "\"\\");
  return text + '"';
}

std::string number(std::uint32_t value) { return std::to_string(value); }

std::string address_text(int family, std::string_view bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::inet_ntop(family, bytes.data(), text.data(), text.size()) == nullptr) return {};
  return text.data();
}

std::string txt_text(Fields& fields) {
  std::string text;
  do {
    const std::size_t size = fields.u8();
    text += (text.empty() ? "" : " ") + quoted(fields.bytes(size));
  } while (fields.left() > 0);
  return text;
}

std::string soa_text(Fields& fields) {
  std::string text = fields.name();
  text += ' ' + fields.name();
  for (int i = 0; i < 5; ++i) text += ' ' + number(fields.u32());
  return text;
}

std::string srv_text(Fields& fields) {
  std::string text;
  for (int i = 0; i < 3; ++i) text += number(fields.u16()) + ' ';
  return text + fields.name();
}

/// RFC 8659 s4.1.1.
std::string caa_text(Fields& fields) {
  std::string text = number(fields.u8()) + ' ';
  append_escaped(text, fields.bytes(fields.u8()), "\"\\ ");
  return text + ' ' + quoted(fields.rest());
}

constexpr std::array<std::string_view, 7> kServiceKeys{
    "mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint"};

std::string service_key(std::uint16_t key) {
  if (key < kServiceKeys.size()) return std::string(kServiceKeys[key]);
  return "key" + number(key);
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j)
      text += i + j > bytes.size() ? '=' : kDigits[group >> (18 - 6 * j) & 63];
  }
  return text;
}

std::string list_of_addresses(Fields& fields, int family, std::size_t size) {
  std::string text;
  while (fields.left() > 0) {
    const std::string_view bytes = fields.bytes(size);
    if (!fields.is_good()) break;
    text += (text.empty() ? "" : ",") + address_text(family, bytes);
  }
  return text;
}

/// RFC 9460 s7.1 and appendix A.1: within the quotes, a comma or a backslash of a protocol is
/// escaped twice.
std::string list_of_protocols(Fields& fields) {
  std::string text = "\"";
  for (bool is_first = true; fields.left() > 0 && fields.is_good(); is_first = false) {
    if (!is_first) text += ',';
    for (const char letter : fields.bytes(fields.u8())) {
      if (letter == ',' || letter == '\\')
        text += letter == ',' ? R"(\\,)" : R"(\\\\)";
      else
        append_escaped(text, std::string_view(&letter, 1), "\"");
    }
  }
  return text + '"';
}

/// The value of a parameter, from the fields of its own: RFC 9460 s7.
std::string service_value(std::uint16_t key, Fields& fields) {
  switch (key) {
    case 0: {
      std::string text;
      while (fields.left() > 0 && fields.is_good())
        text += (text.empty() ? "" : ",") + service_key(fields.u16());
      return text;
    }
    case 1:
      return list_of_protocols(fields);
    case 3:
      return number(fields.u16());
    case 4:
      return list_of_addresses(fields, AF_INET, 4);
    case 5:
      return base64(fields.rest());
    case 6:
      return list_of_addresses(fields, AF_INET6, 16);
    default:
      return quoted(fields.rest());
  }
}

/// RFC 9460 s2.1, s2.2.
std::string https_text(const MessageReader& reader, Fields& fields, bool& is_good) {
  std::string text = number(fields.u16());
  text += ' ' + fields.name();
  while (fields.left() > 0) {
    const std::uint16_t key = fields.u16();
    const std::string_view value = fields.bytes(fields.u16());
    if (!fields.is_good()) break;
    text += ' ' + service_key(key);
    if (value.empty()) continue;
    RecordPlace inside;
    inside.data = static_cast<std::size_t>(value.data() -
                                           reinterpret_cast<const char*>(reader.message().data()));
    inside.size = value.size();
    Fields parts(reader, inside);
    text += '=' + service_value(key, parts);
    is_good = is_good && parts.is_done();
  }
  return text;
}

std::string text_of(const MessageReader& reader, Fields& fields, RecordType type, bool& is_good) {
  switch (type) {
    case RecordType::a:
      return fields.left() == 4 ? address_text(AF_INET, fields.rest()) : std::string();
    case RecordType::aaaa:
      return fields.left() == 16 ? address_text(AF_INET6, fields.rest()) : std::string();
    case RecordType::ns:
    case RecordType::cname:
    case RecordType::ptr:
      return fields.name();
    case RecordType::mx: {
      const std::string preference = number(fields.u16()) + ' ';
      return preference + fields.name();
    }
    case RecordType::txt:
      return txt_text(fields);
    case RecordType::soa:
      return soa_text(fields);
    case RecordType::srv:
      return srv_text(fields);
    case RecordType::caa:
      return caa_text(fields);
    case RecordType::https:
      return https_text(reader, fields, is_good);
  }
  return {};
}

}  // namespace

std::optional<std::string> record_text(const MessageReader& reader, const RecordPlace& place,
                                       RecordType type) {
  Fields fields(reader, place);
  bool is_good = true;
  std::string text = text_of(reader, fields, type, is_good);
  if (text.empty() || !is_good || !fields.is_done()) return std::nullopt;
  return text;
}

}  // namespace ioa::detail
