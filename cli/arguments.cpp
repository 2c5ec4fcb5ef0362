#include "cli/arguments.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "cli/escape.hpp"
#include "cli/usage_error.hpp"

namespace ioa::cli {
namespace {

// The option meant by a name that no option has: one that is a slip of the hand away, else the
// first that begins so, else one that is two slips away. Null if there is none. Two names of three
// letters are always near to each other, so the shortest names count for nothing here.
const OptionSpec* nearest_option(const CommandSpec& command, std::string_view name) {
  constexpr std::size_t kFarthest = 2;
  constexpr std::size_t kShortest = 4;
  const OptionSpec* nearest = nullptr;
  std::size_t nearest_distance = kFarthest + 1;
  const OptionSpec* beginning = nullptr;
  for (const OptionGroup& group : command.groups) {
    for (const OptionSpec& option : group.options) {
      if (option.name.size() < kShortest) continue;
      const std::size_t distance = edit_distance(name, option.name, kFarthest);
      if (distance < nearest_distance) {
        nearest = &option;
        nearest_distance = distance;
      }
      if (beginning == nullptr && name.size() > 1 && option.name.starts_with(name))
        beginning = &option;
    }
  }
  return beginning != nullptr && nearest_distance > 1 ? beginning : nearest;
}

class Reader {
 public:
  Reader(const CommandSpec& command, std::span<const std::string_view> args)
      : command_(command), args_(args) {
    result_.command = &command;
  }

  Arguments read() {
    while (next_ < args_.size() && !result_.help) {
      const std::string_view arg = args_[next_++];
      if (arg == "--") {
        result_.behind_dashes = result_.operands.size();
        result_.operands.insert(result_.operands.end(), args_.begin() + offset(), args_.end());
        break;
      }
      if (arg.size() < 2 || arg.front() != '-') {
        if (command_.operands_end_options) {
          result_.operands.assign(args_.begin() + offset() - 1, args_.end());
          break;
        }
        result_.operands.emplace_back(arg);
      } else if (arg[1] == '-') {
        read_long(arg);
      } else {
        read_cluster(arg);
      }
    }
    return std::move(result_);
  }

 private:
  [[noreturn]] void fail(std::string_view argument, const std::string& problem) const {
    throw UsageError(command_.name, argument, problem);
  }

  std::ptrdiff_t offset() const { return static_cast<std::ptrdiff_t>(next_); }

  void read_long(std::string_view arg) {
    const std::size_t equals = arg.find('=');
    const std::string_view name = arg.substr(2, equals == arg.npos ? arg.npos : equals - 2);
    const OptionSpec* option = command_.find_name(name);
    if (option == nullptr) fail_unknown(name);
    if (equals == arg.npos) return add_detached(*option);
    const std::string_view value = arg.substr(equals + 1);
    if (option->value == ValueKind::none) {
      fail(escape_argument(arg), "expected no value: " + option->display() + " is a switch");
    }
    if (option->value == ValueKind::optional && value.empty()) {
      fail(escape_argument(arg), "expected a value behind the '='");
    }
    add(*option, value);
  }

  void read_cluster(std::string_view arg) {
    for (std::size_t i = 1; i < arg.size() && !result_.help; ++i) {
      const OptionSpec* option = command_.find_letter(arg[i]);
      if (option == nullptr) fail_letter(arg, arg[i]);
      const std::string_view rest = arg.substr(i + 1);
      if (option->value == ValueKind::required && !rest.empty()) return add(*option, rest);
      add_detached(*option);
    }
  }

  // Takes the next argument if the option requires a value, whatever that looks like.
  void add_detached(const OptionSpec& option) {
    if (option.value != ValueKind::required) return add_flag(option);
    if (next_ == args_.size()) {
      fail(option.display(), "expected a value: " + std::string(option.metavar));
    }
    add(option, args_[next_++]);
  }

  static std::string normal_form(const OptionSpec& option) {
    return (option.name.empty() ? "-" : "--") + std::string(option.key());
  }

  void add_flag(const OptionSpec& option) {
    if (option.key() == "help") result_.help = true;
    result_.options.push_back(normal_form(option));
  }

  void add(const OptionSpec& option, std::string_view value) {
    result_.options.push_back(normal_form(option));
    if (option.value == ValueKind::optional) {
      result_.options.back() += '=';
      result_.options.back() += value;
    } else {
      result_.options.emplace_back(value);
    }
  }

  [[noreturn]] void fail_unknown(std::string_view name) const {
    const OptionSpec* nearest = nearest_option(command_, name);
    fail("--" + escape_argument(name),
         nearest == nullptr ? unknown_option()
                            : "unknown option; did you mean --" + std::string(nearest->name) + "?");
  }

  [[noreturn]] void fail_letter(std::string_view arg, char letter) const {
    // One byte of UTF-8 is no character: then the argument as a whole is what is unknown.
    const bool ascii = static_cast<unsigned char>(letter) < 0x80;
    if (!ascii) fail(escape_argument(arg), unknown_option());
    const std::string shown = '-' + escape(std::string_view(&letter, 1));
    for (const RefusedLetter& refused : command_.refused) {
      if (refused.letter != letter) continue;
      fail(shown, "means different things to different programs; " + std::string(refused.advice));
    }
    const bool alone = arg.size() == 2;
    fail(alone ? shown : shown + " in " + escape_argument(arg), unknown_option());
  }

  std::string unknown_option() const {
    return "unknown option; 'ioa " + std::string(command_.name) + " --help' lists them";
  }

  const CommandSpec& command_;
  std::span<const std::string_view> args_;
  std::size_t next_ = 0;
  Arguments result_;
};

}  // namespace

Arguments read_arguments(const CommandSpec& command, std::span<const std::string_view> args) {
  return Reader(command, args).read();
}

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
  const std::size_t difference = a.size() < b.size() ? b.size() - a.size() : a.size() - b.size();
  if (difference > limit) return limit + 1;
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return std::min(row[b.size()], limit + 1);
}

}  // namespace ioa::cli
