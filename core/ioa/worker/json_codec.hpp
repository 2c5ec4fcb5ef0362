#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "ioa/worker/codec.hpp"

namespace ioa {

/// A Codec for whatever nlohmann::json converts to and from, as CBOR (RFC 8949).
///
///     struct Point { int x, y; };
///     NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Point, x, y)
///     template <>
///     struct ioa::Codec<Point> : ioa::JsonCodec<Point> {};
///
/// decode() throws nlohmann::json::exception for what is no CBOR, or no T.
template <class T>
struct JsonCodec {
  static void encode(Bytes& out, const T& value) {
    const std::vector<std::uint8_t> bytes = nlohmann::json::to_cbor(nlohmann::json(value));
    Codec<std::string>::encode(
        out, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  static T decode(std::string_view& in) {
    const std::string bytes = Codec<std::string>::decode(in);
    return nlohmann::json::from_cbor(bytes).template get<T>();
  }
};

template <>
struct Codec<nlohmann::json> : JsonCodec<nlohmann::json> {};

}  // namespace ioa
