#include "ioa/ares/ares_channel.hpp"

#include <ares.h>
#include <sys/random.h>

#include <cerrno>

#include "ioa/base/error.hpp"
#include "ioa/base/syscall.hpp"

namespace ioa::detail {

void AresQuery::Free::operator()(unsigned char* made) const noexcept { ::ares_free_string(made); }

void AresQuery::set_id(std::uint16_t id) const noexcept {
  bytes.get()[0] = static_cast<unsigned char>(id >> 8);
  bytes.get()[1] = static_cast<unsigned char>(id & 0xff);
}

std::uint16_t AresChannel::random_number() {
  if (random_left_ == 0) {
    const auto got = retry_on_eintr([&] { return ::getrandom(random_.data(), sizeof random_, 0); });
    if (got != static_cast<ssize_t>(sizeof random_))
      throw Error::from_errno(errno, "getrandom", {});
    random_left_ = random_.size();
  }
  return random_[--random_left_];
}

}  // namespace ioa::detail
