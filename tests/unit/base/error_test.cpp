#include "ioa/base/error.hpp"

#include <gtest/gtest.h>
#include <netdb.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace ioa {
namespace {

class DnsCategory : public std::error_category {
 public:
  const char* name() const noexcept override { return "dns"; }
  std::string message(int) const override { return "server failure"; }
};
const DnsCategory dns_category;

TEST(ErrorTest, SaysWhatWasAttemptedOnWhatAndWhy) {
  const Error error = Error::from_errno(ECONNREFUSED, "connect", "[::1]:443");
  EXPECT_STREQ(error.what(), "connect [::1]:443: Connection refused (ECONNREFUSED)");
  EXPECT_EQ(error.reason(), "Connection refused (ECONNREFUSED)");
  EXPECT_EQ(error.operation(), "connect");
  EXPECT_EQ(error.subject(), "[::1]:443");
}

TEST(ErrorTest, AppendsTheDetailToTheReason) {
  const Error error = Error::from_errno(ENOENT, "open", "/no/such", "while reading the key");
  EXPECT_STREQ(error.what(),
               "open /no/such: No such file or directory (ENOENT), while reading the key");
  EXPECT_EQ(error.detail(), "while reading the key");
}

TEST(ErrorTest, NeedsNoSubject) {
  EXPECT_STREQ(Error::from_errno(EMFILE, "socket").what(), "socket: Too many open files (EMFILE)");
}

TEST(ErrorTest, WithoutACodeTheDetailIsTheReason) {
  EXPECT_STREQ(Error(ErrorKind::timeout, {}, "resolve", "example.com", "no answer in 5 s").what(),
               "resolve example.com: no answer in 5 s");
  EXPECT_STREQ(Error(ErrorKind::abandoned, {}, {}, {}, "abandoned").what(), "abandoned");
  EXPECT_STREQ(Error(ErrorKind::failed, {}, "connect", "host").what(), "connect host");
  EXPECT_STREQ(Error(ErrorKind::failed, {}, {}, "host", "gone").what(), "host: gone");
}

TEST(ErrorTest, IsCaughtAsAStandardException) {
  try {
    throw Error::from_errno(EPIPE, "write");
  } catch (const std::exception& error) {
    EXPECT_STREQ(error.what(), "write: Broken pipe (EPIPE)");
  }
}

TEST(ErrorTest, ACopyKeepsEverything) {
  const Error original = Error::from_errno(EPIPE, "write", "fd 4", "late");
  const Error copy = original;
  EXPECT_STREQ(copy.what(), original.what());
  EXPECT_EQ(copy.kind(), original.kind());
  EXPECT_EQ(copy.code(), original.code());
  EXPECT_EQ(copy.detail(), "late");
}

TEST(ErrorTest, ACodeComparesWithTheStandardErrorConditions) {
  EXPECT_EQ(Error::from_errno(ECONNREFUSED, "connect").code(), std::errc::connection_refused);
}

struct KindCase {
  int errno_value;
  ErrorKind kind;
};

class ErrorKindTest : public ::testing::TestWithParam<KindCase> {};

TEST_P(ErrorKindTest, SaysWhatACallerCanDo) {
  EXPECT_EQ(Error::from_errno(GetParam().errno_value, "call").kind(), GetParam().kind)
      << error_name(std::error_code(GetParam().errno_value, std::system_category()));
}

INSTANTIATE_TEST_SUITE_P(
    Errno, ErrorKindTest,
    ::testing::Values(
        KindCase{ETIMEDOUT, ErrorKind::timeout}, KindCase{EPIPE, ErrorKind::disconnected},
        KindCase{ECONNRESET, ErrorKind::disconnected},
        KindCase{ECONNABORTED, ErrorKind::disconnected},
        KindCase{ENOTCONN, ErrorKind::disconnected}, KindCase{ESHUTDOWN, ErrorKind::disconnected},
        KindCase{EMFILE, ErrorKind::overloaded}, KindCase{ENFILE, ErrorKind::overloaded},
        KindCase{ENOMEM, ErrorKind::overloaded}, KindCase{ENOBUFS, ErrorKind::overloaded},
        KindCase{EOPNOTSUPP, ErrorKind::unsupported}, KindCase{ENOSYS, ErrorKind::unsupported},
        KindCase{EAFNOSUPPORT, ErrorKind::unsupported},
        KindCase{EPROTONOSUPPORT, ErrorKind::unsupported},
        KindCase{ECONNREFUSED, ErrorKind::failed}, KindCase{ENOENT, ErrorKind::failed}),
    [](const auto& instance) {
      return error_name(std::error_code(instance.param.errno_value, std::system_category()));
    });

TEST(ErrorGaiTest, KeepsTheDomainOfTheResolver) {
  const Error error = Error::from_gai(EAI_NONAME, 0, "getaddrinfo", "no.such.host");
  EXPECT_EQ(error.code().category(), gai_category());
  EXPECT_EQ(error.code().value(), EAI_NONAME);
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_STREQ(error.what(), "getaddrinfo no.such.host: Name or service not known (EAI_NONAME)");
}

TEST(ErrorGaiTest, ASystemErrorBecomesAnErrno) {
  const Error error = Error::from_gai(EAI_SYSTEM, EMFILE, "getaddrinfo", "host");
  EXPECT_EQ(error.code(), std::error_code(EMFILE, std::system_category()));
  EXPECT_EQ(error.kind(), ErrorKind::overloaded);
}

TEST(ErrorGaiTest, NoMemoryIsOverload) {
  EXPECT_EQ(Error::from_gai(EAI_MEMORY, 0, "getaddrinfo", "host").kind(), ErrorKind::overloaded);
}

TEST(ErrorGaiTest, EveryCodeHasItsSymbol) {
  const auto name = [](int code) { return error_name(std::error_code(code, gai_category())); };
  EXPECT_EQ(name(EAI_AGAIN), "EAI_AGAIN");
  EXPECT_EQ(name(EAI_SERVICE), "EAI_SERVICE");
  EXPECT_EQ(name(EAI_NODATA), "EAI_NODATA");
  EXPECT_EQ(name(-12345), "-12345");
}

TEST(ErrorNameTest, IsTheNumberForACodeOfAnotherDomain) {
  EXPECT_EQ(error_name(std::error_code(2, dns_category)), "2");
  EXPECT_EQ(Error(ErrorKind::failed, std::error_code(2, dns_category), "query").reason(),
            "server failure (2)");
}

TEST(ErrorNameTest, KnowsErrnoInBothStandardCategories) {
  EXPECT_EQ(error_name(std::error_code(EINTR, std::generic_category())), "EINTR");
  EXPECT_EQ(error_name(std::error_code(EINTR, std::system_category())), "EINTR");
  EXPECT_EQ(error_name(std::error_code(99999, std::system_category())), "99999");
}

}  // namespace
}  // namespace ioa
