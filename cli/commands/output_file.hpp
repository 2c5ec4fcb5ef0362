#pragma once

#include <string>

#include "cli/context.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/future/future.hpp"
#include "ioa/io/byte_end.hpp"

namespace ioa::cli {

/// The place for what is received: a file (-o/--output), or standard output.
class OutputFile {
 public:
  /// `path` is empty for standard output.
  OutputFile(Context& context, std::string path, bool append)
      : context_(context), path_(std::move(path)), append_(append) {}

  /// Before anything is connected, so that a wrong path costs nothing; what the file holds goes
  /// only with take(). A FIFO is waited for until it has a reader. Fails with an Error whose
  /// operation() is "open".
  Future<> open();
  /// The file, now emptied unless it is added to. Throws Error.
  ByteEnd take();
  /// For messages.
  std::string name() const { return path_.empty() ? "standard output" : path_; }

 private:
  Context& context_;
  std::string path_;
  bool append_;
  UniqueFd fd_;
};

}  // namespace ioa::cli
