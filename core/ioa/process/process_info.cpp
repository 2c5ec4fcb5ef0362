#include "ioa/process/process_info.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <map>
#include <string>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/base/syscall.hpp"
#include "ioa/base/unique_fd.hpp"

namespace ioa {
namespace {

std::string folder_of(::pid_t pid) { return "/proc/" + std::to_string(pid); }

/// The whole of a small file; nullopt if it cannot be read.
std::optional<std::string> contents(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  std::string text;
  char space[4096];
  for (;;) {
    const ssize_t size = retry_on_eintr([&] { return ::read(file.get(), space, sizeof space); });
    if (size < 0) return std::nullopt;
    if (size == 0) return text;
    text.append(space, static_cast<std::size_t>(size));
  }
}

/// Calls `visit(number)` for every entry of a folder that is a number; false if there is none.
template <class F>
bool for_each_number(const std::string& folder, F&& visit) {
  DIR* const entries = ::opendir(folder.c_str());
  if (entries == nullptr) return false;
  while (const ::dirent* entry = ::readdir(entries)) {
    const std::string_view name = entry->d_name;
    ::pid_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc() && end == name.data() + name.size()) visit(number);
  }
  ::closedir(entries);
  return true;
}

/// The next word of `text`, which is taken from it.
std::string_view next_word(std::string_view& text) noexcept {
  const std::size_t begin = text.find_first_not_of(" \n");
  if (begin == std::string_view::npos) return text = {};
  text.remove_prefix(begin);
  const std::string_view word = text.substr(0, text.find_first_of(" \n"));
  text.remove_prefix(word.size());
  return word;
}

template <class Number>
Number number_in(std::string_view word) noexcept {
  Number number = 0;
  std::from_chars(word.data(), word.data() + word.size(), number);
  return number;
}

/// By the list that the kernel keeps of each thread's children; false if this kernel has none.
bool children_of(::pid_t pid, std::vector<::pid_t>& children) {
  bool is_known = false;
  for_each_number(folder_of(pid) + "/task", [&](::pid_t thread) {
    const auto list = contents(folder_of(pid) + "/task/" + std::to_string(thread) + "/children");
    if (!list) return;
    is_known = true;
    std::string_view left = *list;
    for (std::string_view word; !(word = next_word(left)).empty();)
      children.push_back(number_in<::pid_t>(word));
  });
  return is_known;
}

std::vector<ProcessInfo> descendants_by_lists(::pid_t root) {
  std::vector<ProcessInfo> found;
  std::vector<::pid_t> next = {root};
  for (std::size_t i = 0; i < next.size(); ++i) {
    std::vector<::pid_t> children;
    children_of(next[i], children);
    for (const ::pid_t child : children) {
      const auto info = process_info(child);
      if (!info) continue;
      found.push_back(*info);
      next.push_back(child);
    }
  }
  return found;
}

/// By asking every process for its parent.
std::vector<ProcessInfo> descendants_by_search(::pid_t root) {
  std::multimap<::pid_t, ProcessInfo> by_parent;
  for_each_number("/proc", [&](::pid_t pid) {
    if (const auto info = process_info(pid)) by_parent.emplace(info->parent, *info);
  });
  std::vector<ProcessInfo> found;
  std::vector<::pid_t> next = {root};
  for (std::size_t i = 0; i < next.size(); ++i) {
    const auto [begin, end] = by_parent.equal_range(next[i]);
    for (auto child = begin; child != end; ++child) {
      found.push_back(child->second);
      next.push_back(child->first == child->second.pid ? 0 : child->second.pid);
    }
  }
  return found;
}

}  // namespace

std::optional<ProcessInfo> process_info(::pid_t pid) {
  const auto text = contents(folder_of(pid) + "/stat");
  if (!text) return std::nullopt;
  // The name may hold anything, parentheses and spaces too. proc(5)
  const std::size_t name_end = text->rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::string_view left = std::string_view(*text).substr(name_end + 1);
  ProcessInfo info;
  info.pid = pid;
  const std::string_view state = next_word(left);
  if (!state.empty()) info.state = state.front();
  info.parent = number_in<::pid_t>(next_word(left));
  info.group = number_in<::pid_t>(next_word(left));
  info.session = number_in<::pid_t>(next_word(left));
  for (int field = 7; field < 22; ++field) next_word(left);
  info.start_time = number_in<std::uint64_t>(next_word(left));
  return info;
}

std::vector<ProcessInfo> descendants_of(::pid_t root, TreeSearch how) {
  std::vector<::pid_t> children;
  // Asked of this process, which is there for sure: the root may not be.
  if (how == TreeSearch::automatic && children_of(::getpid(), children))
    return descendants_by_lists(root);
  return descendants_by_search(root);
}

bool has_in_environment(::pid_t pid, std::string_view entry) {
  const auto text = contents(folder_of(pid) + "/environ");
  if (!text) return false;
  std::string_view left = *text;
  while (!left.empty()) {
    const std::string_view found = left.substr(0, left.find('\0'));
    if (found == entry) return true;
    left.remove_prefix(found.size() < left.size() ? found.size() + 1 : left.size());
  }
  return false;
}

void set_subreaper(bool adopts) {
  if (::prctl(PR_SET_CHILD_SUBREAPER, adopts ? 1UL : 0UL) != 0)
    throw Error::from_errno(errno, "become a subreaper");
}

bool is_subreaper() noexcept {
  int is_one = 0;
  return ::prctl(PR_GET_CHILD_SUBREAPER, &is_one) == 0 && is_one != 0;
}

}  // namespace ioa
