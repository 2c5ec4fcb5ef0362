#include "ioa/future/combine.hpp"

#include <optional>
#include <string>

namespace ioa {
namespace {

constexpr std::size_t kMaxListed = 8;  // a line stays a line

struct Told {
  ErrorKind kind = ErrorKind::failed;
  std::string text;
};

Told told_of(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return {error.kind(), error.what()};
  } catch (const std::exception& error) {
    return {ErrorKind::failed, error.what()};
  } catch (...) {
    return {ErrorKind::failed, "an unknown failure"};
  }
}

Error summary_of(const std::vector<std::exception_ptr>& failures) {
  if (failures.empty()) return {ErrorKind::failed, {}, {}, {}, "there was nothing to try"};
  std::optional<ErrorKind> common;
  std::string text =
      failures.size() == 1 ? "" : "all " + std::to_string(failures.size()) + " failed";
  for (std::size_t i = 0; i < failures.size(); ++i) {
    const Told told = told_of(failures[i]);
    common = !common || *common == told.kind ? told.kind : ErrorKind::failed;
    if (i == kMaxListed) text += " and more";
    if (i < kMaxListed) text += (text.empty() ? "" : i == 0 ? ": " : "; ") + told.text;
  }
  return {*common, {}, {}, {}, text};
}

}  // namespace

AllFailed::AllFailed(std::vector<std::exception_ptr> failures)
    : Error(summary_of(failures)), failures_(std::move(failures)) {}

namespace detail {

void throw_nothing_to_race() {
  throw Error(ErrorKind::failed, {}, {}, {}, "a race of nothing has no winner");
}

void throw_all_failed(std::vector<std::exception_ptr> failures) {
  throw AllFailed(std::move(failures));
}

}  // namespace detail
}  // namespace ioa
