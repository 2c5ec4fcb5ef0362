#pragma once

#include <exception>
#include <string_view>

#include "ioa/base/bytes.hpp"
#include "ioa/base/error.hpp"

namespace ioa {

/// What the code of a worker has thrown. An Error is the same one again, with its kind, code,
/// operation, subject and detail (a code of a category that only the program knows becomes text);
/// of any other exception there is its what(), as detail, and the kind is `failed`.
class WorkerError : public Error {
 public:
  using Error::Error;
};

namespace detail {

/// An exception, as bytes for the other side, and back. decode_error() throws Error (EBADMSG) for
/// what are none.
Bytes encode_error(const std::exception_ptr& error);
WorkerError decode_error(std::string_view bytes);

}  // namespace detail
}  // namespace ioa
