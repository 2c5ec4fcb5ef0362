#pragma once

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "cli/commands/listen/access_rules.hpp"
#include "cli/option_table.hpp"

namespace ioa::cli {

class OptionValues;

/// The rules of a file, and how to get them anew.
struct AccessFile {
  std::string path;
  AccessList list;
  /// Whether it may be read again: what is no regular file (a pipe from another program) has said
  /// all it had to say.
  bool is_regular = false;
};

/// Those that are meant by one kind of rule: --allow and --allow-file, or --deny and --deny-file.
struct AccessSide {
  AccessList given;
  std::vector<AccessFile> files;

  bool empty() const noexcept { return given.empty() && files.empty(); }
  /// Whether there is a file or a name in it, which may mean others later.
  bool may_change() const noexcept { return !files.empty() || !given.names.empty(); }
};

/// Who may connect: what the options say, with the files as they were at the start.
struct AccessOptions {
  AccessSide allow;
  AccessSide deny;
  /// Connections from one address at the same time; 0 is any number.
  std::uint32_t max_per_ip = 0;

  /// Whether everybody may come.
  bool has_rules() const noexcept { return !allow.empty() || !deny.empty(); }
  /// Whether SIGHUP has anything to do.
  bool may_change() const noexcept { return allow.may_change() || deny.may_change(); }
};

/// Reads the options of kAccessOptions, and the files. Throws UsageError, for a line of a file with
/// its name and number.
AccessOptions read_access_options(const OptionValues& values);

/// A file of rules with a line that cannot be read, or which is too large: what() has its name, the
/// line and what was expected, safe to print.
class AccessFileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Reads a file of rules. Throws AccessFileError for what it says, Error (operation "open" or
/// "read") if it cannot be read.
AccessFile read_access_file(const std::string& path);

/// What a command's table holds for who may connect.
inline constexpr std::array kAccessOptions{
    OptionSpec{"allow", 0, ValueKind::required, "CIDR|NAME",
               "serve these peers only; repeatable, or a list with commas"},
    OptionSpec{"deny", 0, ValueKind::required, "CIDR|NAME",
               "refuse these peers, whoever else allows them"},
    OptionSpec{"allow-file", 0, ValueKind::required, "FILE",
               "the same from a file, one a line; read again on SIGHUP"},
    OptionSpec{"deny-file", 0, ValueKind::required, "FILE",
               "the same from a file, one a line; read again on SIGHUP"},
    OptionSpec{"max-per-ip", 0, ValueKind::required, "N",
               "connections from one address at once, 0: no limit [0]"},
};

}  // namespace ioa::cli
