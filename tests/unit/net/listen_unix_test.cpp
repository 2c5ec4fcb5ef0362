// Unix sockets that listen, and their files.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "ioa/net/listen_socket.hpp"
#include "ioa/net/resolver.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa {
namespace {

namespace fs = std::filesystem;

/// A socket of somebody else at this path.
UniqueFd bound_socket(const std::string& path, int type, bool listens) {
  const SocketAddress address = SocketAddress::unix_path(path);
  UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  EXPECT_EQ(::bind(fd.get(), address.data(), address.size()), 0);
  EXPECT_TRUE(!listens || ::listen(fd.get(), 1) == 0);
  return fd;
}

class ListenUnixTest : public test::RealLoopTest {
 protected:
  ListenSocket open(const std::string& path, std::optional<mode_t> mode = std::nullopt) {
    ListenRequest request;
    request.addresses = {SocketAddress::unix_path(path)};
    request.unix_mode = mode;
    ListenSockets opened = run(open_listen_sockets(resolver_, std::move(request)));
    return std::move(opened.sockets.at(0));
  }
  std::string failure_at(const std::string& path) {
    try {
      open(path);
    } catch (const ListenError& error) {
      return error.reason();
    }
    return "none";
  }
  static mode_t mode_of(const std::string& path) {
    struct stat file {};
    return ::stat(path.c_str(), &file) == 0 ? file.st_mode & 07777U : 0;
  }

  test::TempDir dir_;
  std::string path_ = dir_ / "socket";
  Resolver resolver_{loop};
};

TEST_F(ListenUnixTest, ListensAtAPathAndRemovesTheFile) {
  {
    const ListenSocket socket = open(path_);
    EXPECT_EQ(socket.address.host(), path_);
    EXPECT_TRUE(fs::is_socket(path_));
  }
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(ListenUnixTest, ListensAtAnAbstractName) {
  const std::string name = "@ioa-test-" + dir_.path().filename().string();
  const ListenSocket socket = open(name);
  EXPECT_EQ(socket.address.host(), name);
  EXPECT_EQ(socket.file.path(), "");
  EXPECT_EQ(failure_at(name), "Address already in use (EADDRINUSE)");
}

TEST_F(ListenUnixTest, GivesTheFileExactlyThePermissionsThatAreAsked) {
  const mode_t before = ::umask(022);
  {
    const ListenSocket socket = open(path_, 0600);
    EXPECT_EQ(mode_of(path_), 0600U);
  }
  {
    const ListenSocket socket = open(path_, 0666);
    EXPECT_EQ(mode_of(path_), 0666U) << "though the umask keeps some back";
  }
  ::umask(before);
}

TEST_F(ListenUnixTest, ReplacesAFileThatNobodyHas) {
  bound_socket(path_, SOCK_STREAM, true);
  ASSERT_TRUE(fs::exists(path_));
  const ListenSocket socket = open(path_);
  EXPECT_TRUE(fs::is_socket(path_));
}

TEST_F(ListenUnixTest, LeavesASocketAloneThatSomebodyHas) {
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM}) {
    const UniqueFd theirs = bound_socket(path_, type, type != SOCK_DGRAM);
    EXPECT_EQ(failure_at(path_), "Address already in use (EADDRINUSE), somebody has it");
    EXPECT_TRUE(fs::is_socket(path_));
    EXPECT_EQ(::accept(theirs.get(), nullptr, nullptr), -1) << "it was disturbed";
    fs::remove(path_);
  }
}

TEST_F(ListenUnixTest, LeavesASocketAloneThatDoesNotListenYet) {
  const UniqueFd theirs = bound_socket(path_, SOCK_STREAM, false);
  EXPECT_EQ(failure_at(path_), "Address already in use (EADDRINUSE), somebody has it");
  EXPECT_TRUE(fs::is_socket(path_));
}

TEST_F(ListenUnixTest, KnowsASocketByAnotherNameOfItsFolder) {
  const UniqueFd theirs = bound_socket(path_, SOCK_STREAM, true);
  fs::create_symlink(dir_.path(), dir_ / "other");
  EXPECT_NE(failure_at((dir_ / "other") + "/socket").find("EADDRINUSE"), std::string::npos);
  EXPECT_EQ(::accept(theirs.get(), nullptr, nullptr), -1) << "it was disturbed";
}

TEST_F(ListenUnixTest, AsksASocketThatWasRenamedByConnecting) {
  const UniqueFd theirs = bound_socket(dir_ / "before", SOCK_STREAM, true);
  fs::rename(dir_ / "before", path_);
  EXPECT_NE(failure_at(path_).find("EADDRINUSE"), std::string::npos);
  EXPECT_TRUE(fs::is_socket(path_));
}

TEST_F(ListenUnixTest, LeavesAloneWhatIsNoSocket) {
  dir_.write("socket", "data");
  EXPECT_EQ(failure_at(path_), "Address already in use (EADDRINUSE), it is not a socket");
  EXPECT_EQ(dir_.read("socket"), "data");
  fs::create_symlink("/nowhere", dir_ / "link");
  EXPECT_NE(failure_at(dir_ / "link").find("EADDRINUSE"), std::string::npos);
  EXPECT_TRUE(fs::is_symlink(dir_ / "link"));
}

TEST_F(ListenUnixTest, LeavesAFileThatHasTakenItsPlace) {
  {
    const ListenSocket socket = open(path_);
    fs::remove(path_);
    dir_.write("socket", "another's");
  }
  EXPECT_EQ(dir_.read("socket"), "another's");
}

TEST_F(ListenUnixTest, RemovesTheFileThoughTheWorkingDirectoryChanges) {
  const fs::path before = fs::current_path();
  fs::current_path(dir_.path());
  {
    const ListenSocket socket = open("socket");
    fs::current_path("/");
  }
  fs::current_path(before);
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(ListenUnixTest, SaysWhyAPathCannotBeBound) {
  EXPECT_EQ(failure_at(dir_ / "no/such"), "No such file or directory (ENOENT)");
}

TEST_F(ListenUnixTest, AFileThatIsReleasedStays) {
  {
    ListenSocket socket = open(path_);
    socket.file.release();
  }
  EXPECT_TRUE(fs::is_socket(path_));
}

}  // namespace
}  // namespace ioa
