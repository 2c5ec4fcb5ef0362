#include "ioa/worker/worker_error.hpp"

#include <cstdint>
#include <string>
#include <system_error>
#include <tuple>

#include "ioa/worker/codec.hpp"

namespace ioa::detail {
namespace {

enum class Category : std::uint8_t { none, system, generic, gai };

/// Kind, category and value of the code, operation, subject, detail.
using ErrorParts =
    std::tuple<ErrorKind, Category, std::int32_t, std::string, std::string, std::string>;

Category category_of(const std::error_code& code) {
  if (code.category() == std::system_category()) return Category::system;
  if (code.category() == std::generic_category()) return Category::generic;
  if (code.category() == gai_category()) return Category::gai;
  return Category::none;
}

std::error_code code_of(Category category, int value) {
  switch (category) {
    case Category::system:
      return {value, std::system_category()};
    case Category::generic:
      return {value, std::generic_category()};
    case Category::gai:
      return {value, gai_category()};
    case Category::none:
      break;
  }
  return {};
}

ErrorParts parts_of(const Error& error) {
  const std::error_code& code = error.code();
  const Category category = category_of(code);
  std::string detail = error.detail();
  if (category == Category::none && code)
    detail = code.message() + (detail.empty() ? "" : ": " + detail);
  return {error.kind(),      category,        category == Category::none ? 0 : code.value(),
          error.operation(), error.subject(), detail};
}

ErrorParts parts_of_text(const char* text) {
  return {ErrorKind::failed, Category::none, 0, {}, {}, text};
}

}  // namespace

Bytes encode_error(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& thrown) {
    return encode(parts_of(thrown));
  } catch (const std::exception& thrown) {
    return encode(parts_of_text(thrown.what()));
  } catch (...) {
    return encode(parts_of_text("an exception that is no std::exception"));
  }
}

WorkerError decode_error(std::string_view bytes) {
  auto [kind, category, value, operation, subject, text] = decode<ErrorParts>(bytes);
  if (kind < ErrorKind::failed || kind > ErrorKind::unsupported) kind = ErrorKind::failed;
  return {kind, code_of(category, value), operation, subject, text};
}

}  // namespace ioa::detail
