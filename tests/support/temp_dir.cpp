#include "tests/support/temp_dir.hpp"

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "ioa/base/error.hpp"

namespace ioa::test {

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "ioa-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw Error::from_errno(errno, "mkdtemp", name);
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempDir::write(std::string_view name, std::string_view contents) const {
  const std::string path = *this / name;
  std::ofstream(path, std::ios::binary) << contents;
  return path;
}

std::string TempDir::read(std::string_view name) const {
  std::ifstream file(*this / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace ioa::test
