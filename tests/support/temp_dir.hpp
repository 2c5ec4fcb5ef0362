#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace ioa::test {

/// A new, empty directory that is removed with all that is in it.
class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  const std::filesystem::path& path() const noexcept { return path_; }
  std::string operator/(std::string_view name) const { return (path_ / name).string(); }

  /// Writes a file of this name and returns its path.
  std::string write(std::string_view name, std::string_view contents) const;
  std::string read(std::string_view name) const;

 private:
  std::filesystem::path path_;
};

}  // namespace ioa::test
