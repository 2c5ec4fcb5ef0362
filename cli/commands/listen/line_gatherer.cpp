#include "cli/commands/listen/line_gatherer.hpp"

#include <utility>

namespace ioa::cli {

void LineGatherer::emit(std::string_view rest, std::string& out) {
  out += prefix_;
  out += kept_;
  out += rest;
  kept_.clear();
}

void LineGatherer::add(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::size_t size = end == bytes.npos ? bytes.size() : end;
    const std::size_t room = kMaxLine - kept_.size();
    if (size > room) {
      emit(bytes.substr(0, room), out);
      out += '\n';
      was_cut_ = true;
      bytes.remove_prefix(room);
      continue;
    }
    if (end == bytes.npos) {
      kept_ += bytes;
      return;
    }
    // A line that was cut just in front of its end is complete.
    const bool is_only_end = was_cut_ && size == 0 && kept_.empty();
    if (!is_only_end) emit(bytes.substr(0, size + 1), out);
    was_cut_ = false;
    bytes.remove_prefix(size + 1);
  }
}

bool LineGatherer::finish(std::string& out) {
  if (kept_.empty()) return false;
  emit({}, out);
  kept_ = {};
  return true;
}

}  // namespace ioa::cli
