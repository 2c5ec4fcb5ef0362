#include "cli/commands/listen/hub_options.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "cli/commands/listen/listen_options.hpp"
#include "cli/option_values.hpp"

namespace ioa::cli {
namespace {

constexpr std::pair<std::string_view, SlowPeer> kSlowPeer[] = {
    {"pause", SlowPeer::pause},
    {"drop", SlowPeer::drop},
    {"disconnect", SlowPeer::disconnect},
};

// What serves a peer in place of the others, and what is about standard input, which is not read.
constexpr std::string_view kNotWithBroker[] = {
    "echo",       "discard",   "exec",      "sh-exec", "to",       "on-stdin-eof",
    "quit-after", "send-only", "recv-only", "N",       "hex-dump", "sha256"};

void read_broker(const OptionValues& values, ListenOptions& options) {
  for (const std::string_view kind : {"broker", "chat"})
    for (const std::string_view other : kNotWithBroker) values.exclude(other, kind);
  if (values.has("broker")) options.serve_by = ServeBy::broker;
  if (values.has("chat")) options.serve_by = ServeBy::chat;
  // One peer alone has nobody to speak to.
  if (values.has("broker") || values.has("chat")) options.keep_open = true;
}

bool has_one_source(const ListenOptions& options) noexcept {
  return options.serve_by == ServeBy::broker || options.serve_by == ServeBy::chat ||
         (options.serve_by == ServeBy::stdio && options.keep_open);
}

void read_tag(const OptionValues& values, ListenOptions& options) {
  if (!values.has("tag")) return;
  values.exclude("tag", "chat");
  for (const std::string_view other : {"echo", "discard", "exec", "sh-exec", "to"})
    values.exclude("tag", other);
  values.exclude("tag", "send-only");
  if (values.has("broker") && options.output.empty())
    values.fail("tag", "expected -o/--output FILE with it, as --broker writes nothing to stdout");
  options.hub.tag = std::string(*values.text("tag"));
}

}  // namespace

void read_hub_options(const OptionValues& values, ListenOptions& options) {
  read_broker(values, options);
  const auto slow_peer = values.choice<SlowPeer>("slow-peer", kSlowPeer);
  options.hub.slow_peer = slow_peer.value_or(options.hub.slow_peer);
  if (slow_peer && !has_one_source(options))
    values.fail("slow-peer", "expected -k with stdin and stdout, --broker or --chat with it");
  read_tag(values, options);
}

bool is_hub(const ListenOptions& options) noexcept {
  return has_one_source(options) || options.hub.tag.has_value();
}

}  // namespace ioa::cli
