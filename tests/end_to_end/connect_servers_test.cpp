// Real servers: what people do with nc, done with ioa.
#include <string>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/server.hpp"

namespace ioa::test {
namespace {

class ConnectServersTest : public GuardedTest {};

TEST_F(ConnectServersTest, NginxGivesItsPage) {
  Nginx nginx("<h1>It works</h1>\n");
  const std::string get = "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | \"$IOA\" connect localhost ";
  const RunResult page = run_shell(get + nginx.port());
  EXPECT_EQ(page.status, 0);
  EXPECT_EQ(page.err, "");
  EXPECT_EQ(page.out.substr(0, 15), "HTTP/1.1 200 OK");
  EXPECT_NE(page.out.find("\r\n\r\n<h1>It works</h1>\n"), std::string::npos) << page.out;

  nginx.stop();
  expect_failure(run_shell(get + nginx.port()), 4, "Connection refused (ECONNREFUSED)");
}

TEST_F(ConnectServersTest, NginxGivesALargePageWhole) {
  const std::string page(3'000'000, 'p');
  Nginx nginx(page);
  const RunResult result =
      run_ioa({"connect", nginx.host(), nginx.port()}, "GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  const std::size_t body = result.out.find("\r\n\r\n");
  ASSERT_NE(body, std::string::npos);
  EXPECT_TRUE(result.out.substr(body + 4) == page);
}

TEST_F(ConnectServersTest, NginxTakesAPipelineOfRequests) {
  Nginx nginx("short\n");
  const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  const RunResult result = run_ioa({nginx.host(), nginx.port()}, get + get + get);
  EXPECT_EQ(result.status, 0) << result.err;
  std::size_t pages = 0;
  for (std::size_t at = 0; (at = result.out.find("short\n", at)) != std::string::npos; ++at)
    ++pages;
  EXPECT_EQ(pages, 3U);
}

TEST_F(ConnectServersTest, AnUnknownNameIsOneLineAndStatusThree) {
  const RunResult result = run_in_private_network(
      "127.0.0.1 localhost",
      "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | \"$IOA\" connect no-such-name 80");
  expect_failure(result, 3, "ioa connect: resolve no-such-name: ");
}

TEST_F(ConnectServersTest, NetcatGetsWhatIsSentAndItsAnswerComesBack) {
  // The test is netcat's user: its answer is typed once the question is there.
  Server netcat({"nc", "-l", "-N", "127.0.0.1", "$PORT"});
  Process process(ioa({"connect", netcat.host(), netcat.port()}));
  process.write("question\n");
  ASSERT_TRUE(netcat.program().wait_for_out("question\n"));
  netcat.program().write("answer\n");
  netcat.program().close_stdin();
  ASSERT_TRUE(process.wait_for_out("answer\n"));
  expect_success(process.wait(), "answer\n");
  EXPECT_EQ(netcat.program().wait().out, "question\n");
}

TEST_F(ConnectServersTest, SocatEchoesUntilTheEnd) {
  Server socat({"socat", "TCP4-LISTEN:$PORT,bind=127.0.0.1,reuseaddr", "EXEC:cat"});
  const std::string bytes(1'000'000, 'e');
  const RunResult result = run_ioa({"connect", socat.host(), socat.port()}, bytes);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(result.out == bytes);
}

TEST_F(ConnectServersTest, SocatServesAUnixSocket) {
  const TempDir dir;
  const std::string path = dir / "socket";
  Process socat({"socat", "UNIX-LISTEN:" + path, "EXEC:cat"});
  wait_until([&] { return std::filesystem::exists(path); }, "socat to listen");
  expect_success(run_ioa({"connect", "unix:" + path}, "to a file's name"), "to a file's name");
}

TEST_F(ConnectServersTest, PythonServesAFile) {
  Server python({"/usr/bin/python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory",
                 "$DIR", "$PORT"});
  python.dir().write("page.txt", "from python\n");
  const RunResult result =
      run_ioa({"connect", python.host(), python.port()}, "GET /page.txt HTTP/1.0\r\n\r\n");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out.substr(result.out.size() - 12), "from python\n");
}

TEST_F(ConnectServersTest, ACommandGetsWhatNetcatSendsAndAnswersAfterItsEnd) {
  const RunResult result = run_in_private_network("127.0.0.1 localhost", R"sh(
printf 'b\na\n' | nc -N -l 127.0.0.1 4000 >/run/answer &
until grep -q ':0FA0 .* 0A ' /proc/net/tcp; do sleep 0.01; done
"$IOA" connect -e sort 127.0.0.1 4000
echo "status $?"
wait
cat /run/answer
)sh");
  EXPECT_EQ(result.out, "status 0\na\nb\n");
  EXPECT_EQ(result.err, "");
}

TEST_F(ConnectServersTest, JoinsTwoSocatsAndPassesEachEndOn) {
  const RunResult result = run_in_private_network("127.0.0.1 localhost", R"sh(
printf 'hello from a file' >/run/page
(cat /run/page; sleep 0.2; echo ', and later') | socat -t 5 - TCP-LISTEN:4000 >/run/request &
until grep -q ':0FA0 .* 0A ' /proc/net/tcp; do sleep 0.01; done
printf 'GET it' | socat -t 5 - TCP-LISTEN:4001,reuseaddr >/run/answer &
until grep -q ':0FA1 .* 0A ' /proc/net/tcp; do sleep 0.01; done
"$IOA" connect 127.0.0.1 4000 --to tcp:127.0.0.1:4001
echo "status $?"
wait
cat /run/request /run/answer
)sh");
  EXPECT_EQ(result.out, "status 0\nGET ithello from a file, and later\n");
  EXPECT_EQ(result.err, "");
}

}  // namespace
}  // namespace ioa::test
