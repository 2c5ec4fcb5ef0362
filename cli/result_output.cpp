#include "cli/result_output.hpp"

#include "cli/output_fd.hpp"

namespace ioa::cli {

void ResultOutput::add(std::string_view text) {
  constexpr std::size_t kEnough = std::size_t{64} << 10;
  text_ += text;
  if (text_.size() >= kEnough) flush();
}

bool ResultOutput::flush() {
  if (error_ == 0 && !text_.empty()) error_ = write_fully(fd_, text_);
  text_.clear();
  return error_ == 0;
}

}  // namespace ioa::cli
