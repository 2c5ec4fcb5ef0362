#include "cli/commands/resolve_options.hpp"

#include <string>

#include "cli/escape.hpp"
#include "cli/option_values.hpp"
#include "cli/usage_error.hpp"

namespace ioa::cli {
namespace {

Family read_family(const OptionValues& values) {
  values.exclude("6", "4");
  // An address says itself which family it is of.
  values.exclude("4", "reverse");
  values.exclude("6", "reverse");
  if (values.has("4")) return Family::ipv4;
  return values.has("6") ? Family::ipv6 : Family::any;
}

void read_operands(const Arguments& arguments, ResolveOptions& options) {
  const auto& operands = arguments.operands;
  options.from_stdin = operands.empty() || (operands.size() == 1 && operands[0] == "-");
  if (options.from_stdin) return;
  for (const std::string& operand : operands) {
    if (operand == "-") {
      throw UsageError(arguments.command->name, "-", "expected no other NAME with standard input");
    }
    try {
      options.queries.push_back(parse_query(operand, options.reverse));
    } catch (const AddressError& error) {
      throw UsageError(arguments.command->name, escape_argument(error.text()), error.expected());
    }
  }
}

}  // namespace

ResolveQuery parse_query(std::string_view text, bool reverse) {
  ResolveQuery query;
  query.name = std::string(text);
  if (!reverse) {
    HostService parsed = parse_host_service(text);
    query.host = std::move(parsed.host);
    query.service = std::move(parsed.service);
    return query;
  }
  constexpr std::string_view kExpected = "expected a numeric address, as -x/--reverse needs it";
  const bool brackets = text.size() > 1 && text.front() == '[' && text.back() == ']';
  const std::string_view host = brackets ? text.substr(1, text.size() - 2) : text;
  const auto family = literal_family(host);
  if (!family || (brackets && *family != Family::ipv6)) throw AddressError(text, kExpected);
  query.host = std::string(host);
  return query;
}

ResolveOptions parse_resolve(const Arguments& arguments) {
  const OptionValues values(arguments);
  ResolveOptions options;
  options.general = read_general(values);
  options.family = read_family(values);
  values.exclude("short", "json");
  options.short_output = values.has("short");
  options.first = values.has("first");
  options.json = values.has("json");
  options.reverse = values.has("reverse");
  options.jobs = values.number("jobs", 1, 65536).value_or(options.jobs);
  options.timeout = values.duration("timeout").value_or(options.timeout);
  options.unordered = values.has("unordered");
  read_operands(arguments, options);
  return options;
}

}  // namespace ioa::cli
