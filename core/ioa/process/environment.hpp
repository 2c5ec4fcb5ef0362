#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ioa {

/// The environment of a child, as changes to that of this process.
///
///     Environment environment;                 // all of ours
///     environment.set("LANG", "C").unset("DEBUG");
///     Environment bare = Environment::empty().set("PATH", "/bin");
///
/// The last change of a name counts.
class Environment {
 public:
  /// All that this process has when the child is started.
  Environment() = default;
  /// Nothing of it.
  static Environment empty();

  Environment& set(std::string name, std::string value);
  Environment& unset(std::string name);
  /// Forgets what this process has, and all changes so far.
  Environment& clear();

  /// The strings "NAME=VALUE" that the child gets: first what it inherits, in the order of
  /// environ(7), then what is new in the order in which it was set.
  std::vector<std::string> strings() const;
  /// The same, with another environment than this process's to inherit from.
  std::vector<std::string> strings(const char* const* inherited) const;
  /// Whether the child gets just what this process has.
  bool is_inherited() const noexcept { return inherits_ && changes_.empty(); }

 private:
  struct Change {
    std::string name;
    std::string value;
    bool is_set;
  };
  void change(Change change);

  bool inherits_ = true;
  std::vector<Change> changes_;  // one a name
};

}  // namespace ioa
