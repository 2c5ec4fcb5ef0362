#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ioa/base/unique_fd.hpp"
#include "ioa/io/byte_end.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {

/// What a flow can be given on either side. "Inherited" ones are blocking, as a shell hands them
/// out, and shared with a second descriptor, which tells whether they still are.
enum class EndKind {
  file,             ///< An inherited regular file.
  append_file,      ///< The same, opened with O_APPEND; as a sink only.
  pipe,             ///< An inherited pipe.
  sealed_pipe,      ///< One that cannot be opened anew: another user's.
  socket_pair,      ///< An inherited AF_UNIX stream.
  tcp,              ///< A connection of our own, non-blocking.
  inherited_tcp,    ///< A connection that was handed down.
  terminal,         ///< A pty's slave, raw, inherited.
  terminal_master,  ///< A pty's master, inherited; as a sink only.
  zero,             ///< /dev/zero; as a source only.
  null,             ///< /dev/null.
  full,             ///< /dev/full; as a sink only.
  discard,
};

/// A name for test parameters.
std::string_view name_of(EndKind kind);

/// Bytes that look random, the same ones each time.
std::string bulk_bytes(std::size_t size);

/// A descriptor handed to a ByteEnd, seen through another one of the same description.
class SharedDescription {
 public:
  explicit SharedDescription(int fd);
  bool is_non_blocking() const;

 private:
  UniqueFd copy_;
};

/// Makes the calling thread a user who may open nobody's pipes or mode 000 files, for a scope.
class OtherUser {
 public:
  OtherUser();
  OtherUser(const OtherUser&) = delete;
  OtherUser& operator=(const OtherUser&) = delete;
  ~OtherUser();

 private:
  int before_;
};

/// A source, and the one behind it who fills it.
class TestSource {
 public:
  TestSource(EndKind kind, std::string bytes);

  ByteEnd& end() noexcept { return *end_; }
  ByteEnd take_end() { return std::move(*end_); }
  /// What was handed down; nothing for an end of our own.
  const std::optional<SharedDescription>& description() const noexcept { return description_; }
  /// Does what can be done now: writes what there is room for, and ends the source when the
  /// reader has taken all, or at once if `ends_early`. Bytes are lost when a terminal is hung up.
  void step(std::uint64_t taken);
  /// False: the source stays open when its bytes have gone.
  bool ends = true;
  /// What a reader is to find; of a source without end, its first bytes.
  std::string expected() const;
  std::uint64_t fed() const noexcept { return fed_; }

 private:
  void take_inherited(int fd, EndKind kind);

  TempDir dir_;
  std::string bytes_;
  UniqueFd feeder_;
  EndKind kind_;
  std::uint64_t fed_ = 0;
  std::optional<ByteEnd> end_;
  std::optional<SharedDescription> description_;
};

/// A sink, and the one behind it who collects what arrives.
class TestSink {
 public:
  explicit TestSink(EndKind kind);

  ByteEnd& end() noexcept { return *end_; }
  ByteEnd take_end() { return std::move(*end_); }
  const std::optional<SharedDescription>& description() const noexcept { return description_; }
  /// Takes what is there now.
  void step();
  /// All that has arrived so far; what went to a file is read from it.
  std::string arrived();
  /// The collector goes.
  void leave() { collector_.reset(); }
  int collector() const noexcept { return collector_.get(); }

 private:
  void take_inherited(int fd, EndKind kind);

  TempDir dir_;
  std::string file_;
  std::string collected_;
  UniqueFd collector_;
  std::optional<ByteEnd> end_;
  std::optional<SharedDescription> description_;
};

}  // namespace ioa::test
