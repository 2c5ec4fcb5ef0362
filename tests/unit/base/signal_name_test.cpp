#include "ioa/base/signal_name.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace ioa {
namespace {

TEST(SignalNameTest, TakesNamesWithAndWithoutTheirPrefixInAnyCase) {
  for (const char* name : {"TERM", "SIGTERM", "term", "SigTerm", "15"})
    EXPECT_EQ(signal_number(name), SIGTERM) << name;
  EXPECT_EQ(signal_number("USR1"), SIGUSR1);
  EXPECT_EQ(signal_number("KILL"), SIGKILL);
  EXPECT_EQ(signal_number("CLD"), SIGCHLD);
  EXPECT_EQ(signal_number("IOT"), SIGABRT);
  EXPECT_EQ(signal_number("IO"), SIGIO);
}

TEST(SignalNameTest, KnowsRealTimeSignals) {
  EXPECT_EQ(signal_number("RTMIN"), SIGRTMIN);
  EXPECT_EQ(signal_number("SIGRTMIN+3"), SIGRTMIN + 3);
  EXPECT_EQ(signal_number("rtmax-1"), SIGRTMAX - 1);
  EXPECT_EQ(signal_number("RTMAX"), SIGRTMAX);
  for (const char* name : {"RTMIN-1", "RTMAX+1", "RTMIN+", "RTMIN+99", "RTMIN+-1", "RTMIN3"})
    EXPECT_EQ(signal_number(name), std::nullopt) << name;
}

TEST(SignalNameTest, RefusesWhatIsNone) {
  for (const char* name : {"", "SIG", "SIGSIGTERM", "NOSUCH", "TER", "TERMX", "0", "-15", "+15",
                           "65", "99999999999", "15x", " TERM"})
    EXPECT_EQ(signal_number(name), std::nullopt) << name;
}

TEST(SignalNameTest, EveryNameLeadsBackToItsNumber) {
  for (int number = 1; number <= SIGRTMAX; ++number)
    EXPECT_EQ(signal_number(signal_name(number)), number) << signal_name(number);
  EXPECT_EQ(signal_name(SIGTERM), "TERM");
  EXPECT_EQ(signal_name(SIGRTMIN), "RTMIN");
  EXPECT_EQ(signal_name(SIGRTMIN + 2), "RTMIN+2");
  EXPECT_EQ(signal_name(0), "0");
}

}  // namespace
}  // namespace ioa
