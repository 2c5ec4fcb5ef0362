#include "cli/commands/run_child/job_output.hpp"

#include <utility>

namespace ioa::cli {

WholeOutput::WholeOutput(PassedOutput& to, SpillRoom& room, LinePrefix prefix,
                         UniqueFunction<void()>* before_write)
    : to_(to), stored_(room), prefix_(std::move(prefix)), before_write_(before_write) {}

void WholeOutput::take(std::string_view bytes) {
  if (prefix_.empty()) return add(bytes);
  prefix_.add_lines(prefixed_, bytes, is_at_line_start_);
  is_at_line_start_ = bytes.back() == '\n';
  add(prefixed_.view());
  prefixed_.clear();
}

void WholeOutput::add(std::string_view bytes) {
  if (is_open_ && drain())
    pass(bytes);
  else
    stored_.append(bytes);
}

void WholeOutput::pass(std::string_view bytes) {
  if (before_write_ != nullptr) (*before_write_)();
  to_.take(bytes);
}

bool WholeOutput::is_behind() const noexcept {
  return is_open_ ? to_.is_behind() : stored_.is_full();
}

void WholeOutput::end_of_child() {
  if (prefix_.empty() || std::exchange(is_at_line_start_, true)) return;
  add("\n");
}

bool WholeOutput::drain() {
  if (!is_open_) return stored_.empty();
  while (!stored_.empty()) {
    if (to_.is_behind()) return false;
    const std::string_view bytes = stored_.front();
    if (bytes.empty()) break;
    pass(bytes);
    stored_.consume(bytes.size());
  }
  return true;
}

LineOutput::LineOutput(PassedOutput& to, LineTurn& turn, LinePrefix prefix,
                       UniqueFunction<void()>* before_write)
    : to_(to), turn_(turn), prefix_(std::move(prefix)), before_write_(before_write) {}

LineOutput::~LineOutput() {
  if (turn_.holder == this) turn_.holder = nullptr;
}

void LineOutput::take(std::string_view bytes) {
  if (prefix_.empty())
    kept_.append(bytes);
  else
    prefix_.add_lines(kept_, bytes, is_at_line_start_);
  is_at_line_start_ = bytes.back() == '\n';
  flush();
}

void LineOutput::flush() {
  if (is_kept_out()) return;
  if (turn_.holder == this) {
    const std::size_t newline = kept_.view().find('\n');
    if (newline == std::string_view::npos) return pass(kept_.size());
    pass(newline + 1);
    release();
  }
  const std::string_view bytes = kept_.view();
  const std::size_t last = bytes.substr(searched_).rfind('\n');
  if (last != bytes.npos) {
    pass(searched_ + last + 1);
  } else if (bytes.size() > kLongLine) {
    turn_.holder = this;
    return pass(bytes.size());
  }
  searched_ = kept_.size();
}

void LineOutput::pass(std::size_t size) {
  searched_ = 0;
  if (size == 0) return;
  if (before_write_ != nullptr) (*before_write_)();
  to_.take(kept_.view().substr(0, size));
  kept_.consume(size);
}

void LineOutput::release() {
  turn_.holder = nullptr;
  turn_.on_release();
}

bool LineOutput::is_behind() const noexcept { return is_kept_out() || to_.is_behind(); }

void LineOutput::end_of_child() {
  if (std::exchange(is_at_line_start_, true)) return;
  kept_.append("\n");
  flush();
}

bool LineOutput::drain() {
  flush();
  return kept_.empty();
}

}  // namespace ioa::cli
