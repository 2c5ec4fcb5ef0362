#include "cli/commands/run_child/child_values.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <cctype>
#include <climits>
#include <utility>
#include <vector>

#include "cli/option_values.hpp"
#include "cli/parse_values.hpp"
#include "ioa/base/byte_size.hpp"

namespace ioa::cli {
namespace {

constexpr std::pair<std::string_view, int> kResources[] = {
    {"as", RLIMIT_AS},           {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},       {"fsize", RLIMIT_FSIZE},       {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},       {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::optional<::rlim_t> parse_limit(std::string_view text) {
  const std::string word = lower(text);
  if (word == "unlimited" || word == "infinity") return RLIM_INFINITY;
  const auto number = parse_size(text);
  if (!number || *number >= RLIM_INFINITY) return std::nullopt;
  return *number;
}

/// The number that `name` is, if it is one.
std::optional<std::uint32_t> parse_id(std::string_view name) {
  const auto number = parse_decimal(name, UINT_MAX - 1);  // the last one means "no change"
  if (!number) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

std::vector<::gid_t> groups_of(const char* user, ::gid_t group) {
  int count = 64;
  std::vector<::gid_t> groups;
  do {
    groups.resize(static_cast<std::size_t>(count));
  } while (::getgrouplist(user, group, groups.data(), &count) < 0);
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

}  // namespace

std::optional<ResourceLimit> parse_rlimit(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == text.npos) return std::nullopt;
  std::string name = lower(text.substr(0, equals));
  if (name.rfind("rlimit_", 0) == 0) name.erase(0, 7);
  const auto* const found = std::find_if(std::begin(kResources), std::end(kResources),
                                         [&](const auto& entry) { return entry.first == name; });
  if (found == std::end(kResources)) return std::nullopt;
  const std::string_view value = text.substr(equals + 1);
  const std::size_t colon = value.find(':');
  const auto soft = parse_limit(value.substr(0, colon));
  const auto hard = colon == value.npos ? soft : parse_limit(value.substr(colon + 1));
  if (!soft || !hard || *soft > *hard) return std::nullopt;
  return ResourceLimit{found->second, *soft, *hard};
}

std::optional<::mode_t> parse_umask(std::string_view text) {
  ::mode_t mode = 0;
  if (text.empty()) return std::nullopt;
  for (const char c : text) {
    if (c < '0' || c > '7') return std::nullopt;
    mode = mode * 8 + static_cast<::mode_t>(c - '0');
    if (mode > 0777) return std::nullopt;
  }
  return mode;
}

std::optional<int> parse_niceness(std::string_view text) {
  const bool has_sign = !text.empty() && (text.front() == '-' || text.front() == '+');
  const bool is_negative = has_sign && text.front() == '-';
  const auto number = parse_decimal(text.substr(has_sign ? 1 : 0), is_negative ? 20 : 19);
  if (!number) return std::nullopt;
  const int value = static_cast<int>(*number);
  return is_negative ? -value : value;
}

std::optional<ChildFile> parse_child_file(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == text.npos) return std::nullopt;
  const auto number = parse_decimal(text.substr(0, equals), 1'000'000);
  if (!number) return std::nullopt;
  std::string_view path = text.substr(equals + 1);
  ChildFile file;
  file.fd = static_cast<int>(*number);
  const auto take = [&](std::string_view prefix) {
    if (path.substr(0, prefix.size()) != prefix) return false;
    path.remove_prefix(prefix.size());
    return true;
  };
  // O_RDONLY is 0, as "whatever is possible": O_NOCTTY, which counts anyway, tells them apart.
  if (take("<"))
    file.flags = O_RDONLY | O_NOCTTY;
  else if (take(">>"))
    file.flags = O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY;
  else if (take(">"))
    file.flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY;
  if (path.empty()) return std::nullopt;
  file.path = std::string(path);
  return file;
}

std::optional<SuccessStatuses> parse_statuses(std::string_view text) {
  SuccessStatuses statuses;
  for (;;) {
    const std::size_t comma = text.find(',');
    const std::string_view range = text.substr(0, comma);
    const std::size_t dash = range.find('-');
    const auto first = parse_decimal(range.substr(0, dash), 255);
    const auto last = dash == range.npos ? first : parse_decimal(range.substr(dash + 1), 255);
    if (!first || !last || *first > *last) return std::nullopt;
    statuses.add(static_cast<int>(*first), static_cast<int>(*last));
    if (comma == text.npos) return statuses;
    text.remove_prefix(comma + 1);
  }
}

std::optional<ChildIds> find_user(const std::string& name) {
  ChildIds ids;
  const ::passwd* entry = ::getpwnam(name.c_str());
  if (entry == nullptr) {
    const auto number = parse_id(name);
    if (!number) return std::nullopt;
    entry = ::getpwuid(*number);
    if (entry == nullptr) {
      ids.user = *number;
      ids.groups.emplace();
      return ids;
    }
  }
  ids.user = entry->pw_uid;
  ids.group = entry->pw_gid;
  ids.groups = groups_of(entry->pw_name, entry->pw_gid);
  return ids;
}

std::optional<::gid_t> find_group(const std::string& name) {
  if (const ::group* entry = ::getgrnam(name.c_str())) return entry->gr_gid;
  return parse_id(name);
}

void read_ids(const OptionValues& values, ChildIds& ids) {
  if (const auto user = values.word("user", "expected a user's name or number")) {
    const auto found = find_user(*user);
    if (!found) values.fail("user", "unknown user; expected a user's name or number");
    ids = *found;
    if (!ids.group && !values.has("group")) {
      values.fail("user", "expected --group too: the user database does not know this number");
    }
  }
  if (const auto group = values.word("group", "expected a group's name or number")) {
    ids.group = find_group(*group);
    if (!ids.group) values.fail("group", "unknown group; expected a group's name or number");
    // Without another user the privileges that supplementary groups give are to go, too.
    if (!ids.user && ::geteuid() == 0) ids.groups.emplace();
  }
}

bool SuccessStatuses::has(int status) const noexcept {
  return status == 0 || std::any_of(ranges_.begin(), ranges_.end(), [&](const auto& range) {
           return status >= range.first && status <= range.second;
         });
}

}  // namespace ioa::cli
