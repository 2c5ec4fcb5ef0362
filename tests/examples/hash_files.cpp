// Prints the SHA-256 of files, as sha256sum(1) does, worked out by as many processes as there are
// processors:
//     hash_files FILE...
// A file that cannot be read costs its own line, not those of the others; so would a crash.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/openssl/sha256.hpp"
#include "ioa/worker/function.hpp"

namespace {

using HashFile = ioa::Function<std::string(std::string)>;

/// In a worker, where waiting for a disk holds nobody up.
std::string hash_file(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (!file) throw ioa::Error::from_errno(errno, "open", path);
  ioa::Sha256 hash;
  std::array<char, 65536> bytes;
  while (const std::size_t size = std::fread(bytes.data(), 1, bytes.size(), file.get()))
    hash.update({bytes.data(), size});
  if (std::ferror(file.get()) != 0) throw ioa::Error::from_errno(errno, "read", path);
  return hash.hex();
}

ioa::Future<int> hash_all(HashFile& hash, std::vector<std::string> paths) {
  std::vector<ioa::Future<std::string>> sums;
  for (const std::string& path : paths) sums.push_back(hash.call(path));
  int status = 0;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    try {
      std::string sum = co_await std::move(sums[i]);
      std::printf("%s  %s\n", sum.c_str(), paths[i].c_str());
    } catch (const ioa::Error& error) {
      std::fprintf(stderr, "hash_files: %s\n", error.what());
      status = 1;
    }
  }
  co_return status;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: hash_files FILE...\n");
    return 64;
  }
  ioa::Loop loop(ioa::LibeventBackend::create());
  ioa::FunctionOptions options;
  options.max_workers = std::max(1U, std::thread::hardware_concurrency());
  auto& hash = loop.add(std::make_unique<HashFile>(hash_file, options));
  return loop.run(hash_all(hash, std::vector<std::string>(argv + 1, argv + argc)));
}
