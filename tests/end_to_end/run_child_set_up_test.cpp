#include <signal.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {
namespace {

/// The output of `run-child OPTIONS... sh -c SCRIPT`, which must succeed silently.
std::string output_of(std::vector<std::string> options, const std::string& script,
                      std::string_view input = {}) {
  options.insert(options.begin(), "run-child");
  options.insert(options.end(), {"sh", "-c", script});
  const RunResult result = run_ioa(options, input);
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  return result.out;
}

bool is_root() { return ::geteuid() == 0; }

TEST(RunChildSetUpTest, RunsInAnotherDirectory) {
  EXPECT_EQ(output_of({"--chdir", "/usr/bin"}, "pwd"), "/usr/bin\n");
  EXPECT_EQ(run_ioa({"run", "--chdir", "/bin", "./true"}).status, 0);
}

TEST(RunChildSetUpTest, ChangesTheEnvironment) {
  EXPECT_EQ(output_of({"--env", "A=1", "--env", "B=x=y", "--env", "C="}, "echo $A $B [${C-unset}]"),
            "1 x=y []\n");
  EXPECT_EQ(output_of({"--unset", "HOME", "--unset", "NO_SUCH"}, "echo ${HOME-unset}"), "unset\n");
  expect_success(run_ioa({"run", "--clear-env", "--env", "A=1", "/usr/bin/env"}), "A=1\n");
  expect_success(run_ioa({"run", "--env", "A=1", "--unset", "A", "--env", "A=2", "printenv", "A"}),
                 "2\n");
}

TEST(RunChildSetUpTest, LooksForTheCommandAlongThePathThatItGets) {
  const TempDir folder;
  folder.write("tool", "#!/bin/sh\necho found\n");
  ASSERT_EQ(run_shell("chmod +x " + folder / "tool").status, 0);
  expect_success(run_ioa({"run", "--env", "PATH=" + folder.path().string(), "tool"}), "found\n");
}

TEST(RunChildSetUpTest, SetsMaskNicenessAndLimits) {
  EXPECT_EQ(output_of({"--umask", "027"}, "umask"), "0027\n");
  EXPECT_EQ(output_of({"--nice", "5"}, "nice"), "5\n");
  EXPECT_EQ(output_of({"--rlimit", "nofile=64", "--rlimit", "CORE=0"}, "ulimit -n; ulimit -c"),
            "64\n0\n");
  EXPECT_EQ(output_of({"--rlimit", "RLIMIT_NOFILE=64:128"}, "ulimit -Sn; ulimit -Hn"), "64\n128\n");
  EXPECT_EQ(output_of({"--rlimit", "fsize=4K"}, "ulimit -f"), "8\n");
  EXPECT_EQ(run_ioa({"run", "--rlimit", "cpu=1", "sh", "-c", "while :; do :; done"}).status,
            128 + SIGKILL);  // soft and hard at once
}

TEST(RunChildSetUpTest, RunsAsAnotherUser) {
  if (!is_root()) GTEST_SKIP() << "only root may";
  EXPECT_EQ(output_of({"--user", "nobody"}, "id -un; id -u; id -Gn"),
            output_of({}, "id -un nobody; id -u nobody; id -Gn nobody"));
  EXPECT_EQ(output_of({"--user", "65534", "--group", "daemon"}, "id -gn"), "daemon\n");
  EXPECT_EQ(output_of({"--group", "daemon"}, "id -gn; id -Gn"), "daemon\ndaemon\n");
  EXPECT_EQ(output_of({"--user", "12345", "--group", "54321"}, "id -u; id -g; id -G"),
            "12345\n54321\n54321\n");
  expect_failure(run_ioa({"run", "--user", "12345", "true"}), 2, "expected --group too");
}

TEST(RunChildSetUpTest, WhatAUserMayNotIsNotRun) {
  if (!is_root()) GTEST_SKIP() << "needs another user";
  const RunResult result = run_shell(
      "cp $IOA /tmp/ioa.$$ && chmod 755 /tmp/ioa.$$ && "
      "setpriv --reuid 65534 --clear-groups /tmp/ioa.$$ run --user root -- echo bad; s=$?; "
      "setpriv --reuid 65534 --clear-groups /tmp/ioa.$$ run --nice -5 -- echo bad; t=$?; "
      "rm /tmp/ioa.$$; echo $s $t");
  EXPECT_EQ(result.out, "125 125\n");
  EXPECT_EQ(line_count(result.err), 2U) << result.err;
}

TEST(RunChildSetUpTest, GivesItAnotherInput) {
  const TempDir folder;
  const std::string path = folder.write("input", "from a file");
  EXPECT_EQ(output_of({"--stdin", path}, "cat", "not this"), "from a file");
  EXPECT_EQ(output_of({"--stdin", "null"}, "cat", "not this"), "");
  EXPECT_EQ(output_of({"--stdin", "-"}, "cat", "but this"), "but this");
  EXPECT_EQ(output_of({"--stdin-text", "as it is"}, "cat", "not this"), "as it is");
  EXPECT_EQ(output_of({"--stdin-text", ""}, "cat; echo end"), "end\n");
  EXPECT_EQ(output_of({"--stdin-text", "0"}, "cat"), "0");
  const std::string large(300'000 / 3, 'x');  // more than a pipe holds
  EXPECT_EQ(output_of({"--stdin-text", large}, "cat"), large);
}

TEST(RunChildSetUpTest, WritesToFiles) {
  const TempDir folder;
  folder.write("out", "what was there before");
  EXPECT_EQ(
      output_of({"--stdout", folder / "out", "--stderr", folder / "err"}, "echo out; echo err >&2"),
      "");
  EXPECT_EQ(folder.read("out"), "out\n");
  EXPECT_EQ(folder.read("err"), "err\n");
  EXPECT_EQ(output_of({"--stdout", folder / "both", "--stderr", folder / "both"},
                      "echo 1; echo 2 >&2; echo 3"),
            "");
  EXPECT_EQ(folder.read("both"), "1\n2\n3\n");
  EXPECT_EQ(output_of({"--stdout", folder / "out", "--tag=t"}, "echo out"), "");
  EXPECT_EQ(folder.read("out"), "t\tout\n");
}

TEST(RunChildSetUpTest, OpensDescriptors) {
  const TempDir folder;
  const std::string path = folder.write("file", "123456\n");
  EXPECT_EQ(output_of({"--fd", "9=" + path}, "read x <&9; echo $x; echo more >&9"), "123456\n");
  EXPECT_EQ(folder.read("file"), "123456\nmore\n");
  EXPECT_EQ(output_of({"--fd", "3=<" + path, "--fd", "4=>" + folder / "new"}, "cat <&3 >&4"), "");
  EXPECT_EQ(folder.read("new"), "123456\nmore\n");
  EXPECT_EQ(output_of({"--fd", "3=>>" + folder / "new"}, "echo last >&3"), "");
  EXPECT_EQ(folder.read("new"), "123456\nmore\nlast\n");
  EXPECT_EQ(output_of({"--fd", "3=/"}, "[ -d /dev/fd/3 ] && echo a folder"), "a folder\n");
}

TEST(RunChildSetUpTest, StartsANewSession) {
  EXPECT_EQ(output_of({"--new-session"}, "[ $(ps -o sid= -p $$) = $$ ] && echo leader"),
            "leader\n");
  EXPECT_EQ(output_of({}, "[ $(ps -o pgid= -p $$) = $(ps -o pgid= -p $PPID) ] && echo same"),
            "same\n");
}

TEST(RunChildSetUpTest, PassesSocketsOn) {
  const std::string look = "[ $LISTEN_PID = $$ ] && echo $LISTEN_FDS; [ -S /dev/fd/3 ]";
  EXPECT_EQ(output_of({"--listen", "127.0.0.1:0"}, look), "1\n");
  EXPECT_EQ(output_of({"--listen", "127.0.0.1:0", "--listen", "udp:127.0.0.1:0"}, look), "2\n");
  EXPECT_EQ(output_of({"--listen", ":0"}, look), "1\n");
  // The one that it gets, whatever was there before.
  expect_success(run_shell("LISTEN_PID=1 LISTEN_FDS=9 LISTEN_FDNAMES=x $IOA run "
                           "--listen 127.0.0.1:0 --env B=1 sh -c '" +
                           look + "; echo ${LISTEN_FDNAMES-none}'"),
                 "1\nnone\n");
}

TEST(RunChildSetUpTest, ASocketIsBoundWhenTheChildRuns) {
  const TempDir folder;
  const std::string path = folder / "socket";
  const RunResult result =
      run_ioa({"run", "--listen", "unix:" + path, "python3", "-c",
               "import socket, sys\n"
               "s = socket.socket(fileno=3)\n"
               "c = socket.socket(socket.AF_UNIX); c.connect(sys.argv[1])\n"
               "s.accept()[0].sendall(b'hello'); print(c.recv(9).decode(), s.getblocking())",
               path});
  expect_success(result, "hello True\n");
  EXPECT_NE(::access(path.c_str(), F_OK), 0);  // ours is removed at the end
}

TEST(RunChildSetUpTest, WhatCannotBeBoundIsNotRun) {
  const RunResult taken =
      run_ioa({"run", "--listen", "127.0.0.1:0", "python3", "-c",
               "import os, socket, sys\n"
               "port = socket.socket(fileno=3).getsockname()[1]\n"
               "os.execv(sys.argv[1], [sys.argv[1], 'run', '--listen', f'127.0.0.1:{port}',\n"
               "                       'echo', 'bad'])",
               ioa_binary()});
  expect_failure(taken, 4, "Address already in use");
  expect_failure(run_ioa({"run", "--listen", "127.0.0.1:no-such-service", "echo", "bad"}), 3,
                 "no-such-service");
}

TEST(RunChildSetUpTest, SaysWhereItListens) {
  const RunResult result =
      run_ioa({"run", "--events", "2", "--listen", "127.0.0.1:0", "sh", "-c", "exit 0"});
  EXPECT_NE(result.err.find("{\"event\":\"listening\""), std::string::npos);
  EXPECT_NE(result.err.find("\"address\":\"127.0.0.1:"), std::string::npos);
  EXPECT_EQ(result.err.find("\"address\":\"127.0.0.1:0\""), std::string::npos);
}

}  // namespace
}  // namespace ioa::test
