#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/commands/run_child/child_plan.hpp"
#include "cli/commands/run_child/run_child_options.hpp"

namespace ioa::cli {

class OptionValues;

/// `NAME=N`, `NAME=SOFT:HARD` with a name as of ulimit and prlimit(1) (`nofile`, `NOFILE`,
/// `RLIMIT_NOFILE`), and numbers with the suffixes of a SIZE, or `unlimited`.
std::optional<ResourceLimit> parse_rlimit(std::string_view text);

/// An octal file mode creation mask: `022`.
std::optional<::mode_t> parse_umask(std::string_view text);

/// A whole number from -20 to 19, with a sign or without.
std::optional<int> parse_niceness(std::string_view text);

/// `N=FILE`, `N=<FILE`, `N=>FILE`, `N=>>FILE`.
std::optional<ChildFile> parse_child_file(std::string_view text);

/// `0,3,10-19`.
std::optional<SuccessStatuses> parse_statuses(std::string_view text);

/// A user by name or number, with the group and the supplementary groups of the user database;
/// nothing if there is none. A number that the database does not know has no groups.
std::optional<ChildIds> find_user(const std::string& name);

/// A group by name or number.
std::optional<::gid_t> find_group(const std::string& name);

/// --user and --group. Throws UsageError.
void read_ids(const OptionValues& values, ChildIds& ids);

}  // namespace ioa::cli
