#include "ioa/worker/system_database.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "ioa/base/error.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa {
namespace {

using ::testing::Contains;

class SystemDatabaseTest : public test::RealLoopTest {
 protected:
  template <class T>
  Error error_of(Future<T> future) {
    try {
      run(std::move(future));
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "no failure";
    return Error(ErrorKind::failed, {}, "none");
  }

  ThreadPool pool_{loop};
  SystemDatabase database_{pool_};
};

TEST_F(SystemDatabaseTest, KnowsUsersByNameAndByNumber) {
  const UserEntry root = run(database_.user("root"));
  EXPECT_EQ(root.uid, 0U);
  EXPECT_EQ(root.home, "/root");
  EXPECT_FALSE(root.shell.empty());
  EXPECT_EQ(run(database_.user(uid_t{0})).name, "root");
}

TEST_F(SystemDatabaseTest, KnowsGroupsByNameAndByNumber) {
  EXPECT_EQ(run(database_.group("root")).gid, 0U);
  EXPECT_EQ(run(database_.group(gid_t{0})).name, "root");
}

TEST_F(SystemDatabaseTest, KnowsServicesByNameAndByPort) {
  const ServiceEntry http = run(database_.service("http", "tcp"));
  EXPECT_EQ(http.port, 80);
  EXPECT_EQ(http.protocol, "tcp");
  EXPECT_THAT(http.aliases, Contains("www"));
  EXPECT_EQ(run(database_.service(std::uint16_t{53}, "udp")).name, "domain");
  EXPECT_EQ(run(database_.service("ssh")).port, 22);
}

TEST_F(SystemDatabaseTest, KnowsProtocolsByNameAndByNumber) {
  EXPECT_EQ(run(database_.protocol("tcp")).number, 6);
  EXPECT_THAT(run(database_.protocol(17)).aliases, Contains("UDP"));
}

TEST_F(SystemDatabaseTest, SaysThatThereIsNoSuchThing) {
  EXPECT_STREQ(error_of(database_.user("no-such-user")).what(),
               "look up user no-such-user: no such user (NOUSER)");
  EXPECT_EQ(error_of(database_.user(uid_t{4'000'000'000})).code(), DatabaseCode::no_such_user);
  EXPECT_STREQ(error_of(database_.group("no-such-group")).what(),
               "look up group no-such-group: no such group (NOGROUP)");
  EXPECT_EQ(error_of(database_.group(gid_t{4'000'000'000})).code(), DatabaseCode::no_such_group);
  EXPECT_STREQ(error_of(database_.service("no-such", "tcp")).what(),
               "look up service no-such/tcp: no such service (NOSERVICE)");
  EXPECT_EQ(error_of(database_.service(std::uint16_t{1}, "dccp")).subject(), "1/dccp");
  EXPECT_STREQ(error_of(database_.protocol("no-such")).what(),
               "look up protocol no-such: no such protocol (NOPROTOCOL)");
  EXPECT_EQ(error_of(database_.protocol(253)).code(), DatabaseCode::no_such_protocol);
  EXPECT_STREQ(error_of(database_.network("no-such")).what(),
               "look up network no-such: no such network (NONETWORK)");
  EXPECT_EQ(error_of(database_.network(std::uint32_t{77})).code(), DatabaseCode::no_such_network);
}

TEST_F(SystemDatabaseTest, DroppingALookUpIsNoTrouble) {
  for (int i = 0; i < 20; ++i) database_.user("root").cancel();
  EXPECT_EQ(run(database_.user("root")).uid, 0U);
}

}  // namespace
}  // namespace ioa
