#include "ioa/base/duration_text.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace ioa {
namespace {

/// `thousandths` as a decimal number without superfluous zeros.
std::string decimal(std::int64_t thousandths) {
  std::string text = std::to_string(thousandths / 1000);
  const std::int64_t rest = thousandths % 1000;
  if (rest == 0) return text;
  std::string fraction = std::to_string(1000 + rest).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return text + "." + fraction;
}

}  // namespace

std::string duration_text(Duration length) {
  using std::chrono::microseconds;
  using std::chrono::milliseconds;
  if (length < Duration::zero()) return "-" + duration_text(-std::max(length, -Duration::max()));
  if (length < std::chrono::seconds(1))
    return decimal(std::chrono::duration_cast<microseconds>(length).count()) + "ms";
  return decimal(std::chrono::duration_cast<milliseconds>(length).count()) + "s";
}

double milliseconds(Duration length) noexcept {
  // To the microsecond: more digits would claim a precision that waking up does not have.
  // To the nearest microsecond; std::round() would be all that the program needs libm for.
  const auto nanoseconds = length.count();
  const auto microseconds = nanoseconds / 1000 + nanoseconds % 1000 / 500;
  return static_cast<double>(microseconds) / 1e3;
}

}  // namespace ioa
