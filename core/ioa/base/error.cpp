#include "ioa/base/error.hpp"

#include <netdb.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ioa/base/immortal.hpp"

namespace ioa {
namespace {

struct GaiName {
  int code;
  const char* name;
};

constexpr std::array kGaiNames{
    GaiName{EAI_BADFLAGS, "EAI_BADFLAGS"},     GaiName{EAI_NONAME, "EAI_NONAME"},
    GaiName{EAI_AGAIN, "EAI_AGAIN"},           GaiName{EAI_FAIL, "EAI_FAIL"},
    GaiName{EAI_FAMILY, "EAI_FAMILY"},         GaiName{EAI_SOCKTYPE, "EAI_SOCKTYPE"},
    GaiName{EAI_SERVICE, "EAI_SERVICE"},       GaiName{EAI_MEMORY, "EAI_MEMORY"},
    GaiName{EAI_SYSTEM, "EAI_SYSTEM"},         GaiName{EAI_OVERFLOW, "EAI_OVERFLOW"},
    GaiName{EAI_NODATA, "EAI_NODATA"},         GaiName{EAI_ADDRFAMILY, "EAI_ADDRFAMILY"},
    GaiName{EAI_INPROGRESS, "EAI_INPROGRESS"}, GaiName{EAI_CANCELED, "EAI_CANCELED"},
};

class GaiCategory : public NamedCategory {
 public:
  const char* name() const noexcept override { return "getaddrinfo"; }
  std::string message(int code) const override { return gai_strerror(code); }
  std::string symbol(int code) const override {
    for (const auto& entry : kGaiNames)
      if (entry.code == code) return entry.name;
    return {};
  }
};

ErrorKind kind_of_errno(int value) {
  switch (value) {
    case ETIMEDOUT:
      return ErrorKind::timeout;
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
    case ESHUTDOWN:
      return ErrorKind::disconnected;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
      return ErrorKind::overloaded;
    case EOPNOTSUPP:
    case ENOSYS:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
      return ErrorKind::unsupported;
    default:
      return ErrorKind::failed;
  }
}

bool is_errno(const std::error_code& code) {
  return code.category() == std::system_category() || code.category() == std::generic_category();
}

}  // namespace

const std::error_category& gai_category() noexcept { return immortal<GaiCategory>(); }

std::string error_name(const std::error_code& code) {
  if (is_errno(code)) {
    if (const char* name = strerrorname_np(code.value())) return name;
  } else if (const auto* named = dynamic_cast<const NamedCategory*>(&code.category())) {
    if (std::string symbol = named->symbol(code.value()); !symbol.empty()) return symbol;
  }
  return std::to_string(code.value());
}

Error::Error(ErrorKind kind, std::error_code code, std::string operation, std::string subject,
             std::string detail)
    : kind_(kind),
      code_(code),
      operation_(std::move(operation)),
      subject_(std::move(subject)),
      detail_(std::move(detail)) {
  const std::string why = reason();
  what_.reserve(operation_.size() + subject_.size() + why.size() + 3);
  what_ = operation_;
  const auto add = [this](std::string_view separator, const std::string& part) {
    if (part.empty()) return;
    if (!what_.empty()) what_ += separator;
    what_ += part;
  };
  add(" ", subject_);
  add(": ", why);
}

Error Error::from_errno(int errno_value, std::string operation, std::string subject,
                        std::string detail) {
  return {kind_of_errno(errno_value), std::error_code(errno_value, std::system_category()),
          std::move(operation), std::move(subject), std::move(detail)};
}

Error Error::from_gai(int eai, int errno_value, std::string operation, std::string subject) {
  if (eai == EAI_SYSTEM) return from_errno(errno_value, std::move(operation), std::move(subject));
  const ErrorKind kind = eai == EAI_MEMORY ? ErrorKind::overloaded : ErrorKind::failed;
  return {kind, std::error_code(eai, gai_category()), std::move(operation), std::move(subject)};
}

std::string Error::reason() const {
  if (!code_) return detail_;
  const std::string message = code_.message();
  const std::string name = error_name(code_);
  std::string text;
  text.reserve(message.size() + name.size() + detail_.size() + 5);
  ((text += message) += " (") += name;
  text += ')';
  if (!detail_.empty()) (text += ", ") += detail_;
  return text;
}

}  // namespace ioa
