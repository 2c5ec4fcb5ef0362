#include "ioa/libevent/persistent_event.hpp"

#include <sys/select.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace ioa::detail {
namespace {

bool is_select(const event& event) {
  return std::strcmp(event_base_get_method(event_get_base(&event)), "select") == 0;
}

}  // namespace

Error libevent_error(const char* operation, std::string subject) {
  return Error::from_errno(errno != 0 ? errno : EINVAL, operation, std::move(subject));
}

UniqueFd opened(int fd, const char* operation) {
  if (fd < 0) throw Error::from_errno(errno, operation);
  return UniqueFd(fd);
}

bool PersistentEvent::set_active(bool active) {
  if (active == is_active()) return true;
  if (active && fd() >= FD_SETSIZE && is_select(event_)) {
    errno = EMFILE;  // libevent would write past the end of the set, and abort where it is checked
    return false;
  }
  errno = 0;
  return (active ? event_add(&event_, nullptr) : event_del(&event_)) == 0;
}

}  // namespace ioa::detail
