#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "ioa/base/bytes.hpp"
#include "ioa/base/error.hpp"

namespace ioa {

/// How values of a type become bytes, for a worker that may be another process of the same program.
///
/// There are codecs of numbers, enumerations, bool, std::string, std::vector, std::optional,
/// std::pair and std::tuple of such. For a type of your own, specialise it:
///
///     template <>
///     struct ioa::Codec<Point> {
///       static void encode(Bytes& out, const Point& point);  // appends
///       static Point decode(std::string_view& in);           // takes from the front
///     };
///
/// or derive that from JsonCodec (ioa/worker/json_codec.hpp). decode() takes exactly what encode()
/// has appended, and throws on anything else; take_bytes() does so for what is too short.
template <class T>
struct Codec;

/// Takes `size` bytes from the front of `in`. Throws Error (EBADMSG) if there are fewer.
inline std::string_view take_bytes(std::string_view& in, std::size_t size) {
  if (in.size() < size)
    throw Error::from_errno(EBADMSG, "decode", {}, "the message is shorter than its value");
  const std::string_view taken = in.substr(0, size);
  in.remove_prefix(size);
  return taken;
}

template <class T>
requires(std::is_arithmetic_v<T> || std::is_enum_v<T>) struct Codec<T> {
  // The worker is a copy of this process: the same byte order, the same sizes.
  static void encode(Bytes& out, const T& value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out.append(bytes, sizeof bytes);
  }
  static T decode(std::string_view& in) {
    T value;
    const std::string_view bytes = take_bytes(in, sizeof value);
    if constexpr (std::is_same_v<T, bool>) {
      value = bytes[0] != 0;  // any other pattern is no bool
    } else {
      std::memcpy(&value, bytes.data(), sizeof value);
    }
    return value;
  }
};

template <>
struct Codec<std::string> {
  static void encode(Bytes& out, std::string_view value) {
    Codec<std::uint64_t>::encode(out, value.size());
    out.append(value);
  }
  static std::string decode(std::string_view& in) {
    const std::uint64_t size = Codec<std::uint64_t>::decode(in);
    return std::string(take_bytes(in, size));
  }
};

/// Of nothing: what a function returns that returns void.
template <>
struct Codec<std::monostate> {
  static void encode(Bytes&, std::monostate) {}
  static std::monostate decode(std::string_view&) { return {}; }
};

template <class T>
struct Codec<std::optional<T>> {
  static void encode(Bytes& out, const std::optional<T>& value) {
    Codec<bool>::encode(out, value.has_value());
    if (value) Codec<T>::encode(out, *value);
  }
  static std::optional<T> decode(std::string_view& in) {
    if (!Codec<bool>::decode(in)) return std::nullopt;
    return Codec<T>::decode(in);
  }
};

template <class T>
struct Codec<std::vector<T>> {
  static void encode(Bytes& out, const std::vector<T>& values) {
    Codec<std::uint64_t>::encode(out, values.size());
    for (const auto& value : values) Codec<T>::encode(out, value);
  }
  static std::vector<T> decode(std::string_view& in) {
    // What is claimed reserves nothing: every element has to be there.
    const std::uint64_t size = Codec<std::uint64_t>::decode(in);
    std::vector<T> values;
    for (std::uint64_t i = 0; i < size; ++i) {
      if (in.empty()) take_bytes(in, 1);  // elements without bytes could go on for ever
      values.push_back(Codec<T>::decode(in));
    }
    return values;
  }
};

template <class... T>
struct Codec<std::tuple<T...>> {
  template <class Tuple>
  static void encode(Bytes& out, const Tuple& values) {
    std::apply([&out](const auto&... value) { (Codec<T>::encode(out, value), ...); }, values);
  }
  static std::tuple<T...> decode(std::string_view& in) {
    return std::tuple<T...>{Codec<T>::decode(in)...};  // braces: from left to right
  }
};

template <class First, class Second>
struct Codec<std::pair<First, Second>> {
  static void encode(Bytes& out, const std::pair<First, Second>& value) {
    Codec<First>::encode(out, value.first);
    Codec<Second>::encode(out, value.second);
  }
  static std::pair<First, Second> decode(std::string_view& in) {
    First first = Codec<First>::decode(in);
    return {std::move(first), Codec<Second>::decode(in)};
  }
};

/// `value` as bytes.
template <class T>
Bytes encode(const T& value) {
  Bytes out;
  Codec<T>::encode(out, value);
  return out;
}

/// What encode() has made of a T. Throws Error (EBADMSG) if the bytes are too few or too many, and
/// what the codec throws.
template <class T>
T decode(std::string_view bytes) {
  T value = Codec<T>::decode(bytes);
  if (!bytes.empty())
    throw Error::from_errno(EBADMSG, "decode", {}, "the message is longer than its value");
  return value;
}

}  // namespace ioa
