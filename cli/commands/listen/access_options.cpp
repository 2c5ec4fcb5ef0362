#include "cli/commands/listen/access_options.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "cli/escape.hpp"
#include "cli/option_values.hpp"
#include "cli/usage_error.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/syscall.hpp"
#include "ioa/base/unique_fd.hpp"

namespace ioa::cli {
namespace {

constexpr std::size_t kReadSize = std::size_t{64} << 10;
/// kMaxAccessRules of the longest addresses, with room for comments.
constexpr std::size_t kMaxFileSize = std::size_t{128} << 20;

std::string read_to_end(int fd, const std::string& path) {
  std::string text;
  for (;;) {
    const std::size_t size = text.size();
    text.resize(size + kReadSize);
    const ssize_t got = retry_on_eintr([&] { return ::read(fd, text.data() + size, kReadSize); });
    if (got < 0) throw Error::from_errno(errno, "read", path);
    text.resize(size + static_cast<std::size_t>(got));
    if (got == 0) return text;
    if (text.size() > kMaxFileSize) throw Error::from_errno(EFBIG, "read", path);
  }
}

AccessSide read_side(const OptionValues& values, std::string_view key, std::string_view file_key) {
  AccessSide side;
  for (const std::string& text : values.texts(key)) {
    // Several in one word, as ncat takes them.
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find(',', at), text.size());
      try {
        add_access_rule(std::string_view(text).substr(at, end - at), side.given);
      } catch (const AccessRuleError& error) {
        values.fail(key, text, error.expected());
      }
      at = end + 1;
    }
  }
  side.given.addresses.seal();
  for (const std::string& path : values.texts(file_key)) {
    if (path.empty()) values.fail(file_key, path, "expected the path of a file");
    try {
      side.files.push_back(read_access_file(path));
    } catch (const AccessFileError& error) {
      throw UsageError(values.command().name, fmt::format("--{}", file_key), error.what());
    } catch (const Error& error) {
      values.fail(file_key, path, error.reason());
    }
  }
  return side;
}

}  // namespace

AccessFile read_access_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) throw Error::from_errno(errno, "open", path);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw Error::from_errno(errno, "read", path);
  AccessFile file{path, {}, S_ISREG(status.st_mode)};
  try {
    file.list = read_access_rules(read_to_end(fd.get(), path));
  } catch (const AccessRuleError& error) {
    throw AccessFileError(fmt::format("{}, line {}: {}: {}", escape_argument(path), error.line(),
                                      escape_argument(error.rule()), error.expected()));
  }
  return file;
}

AccessOptions read_access_options(const OptionValues& values) {
  AccessOptions options;
  options.allow = read_side(values, "allow", "allow-file");
  options.deny = read_side(values, "deny", "deny-file");
  options.max_per_ip = values.number("max-per-ip", 0, UINT32_MAX).value_or(0);
  return options;
}

}  // namespace ioa::cli
