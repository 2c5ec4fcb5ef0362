#include "ioa/future/job_list.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <random>
#include <string>

namespace ioa {
namespace {

class NamedJob : public Job {
 public:
  explicit NamedJob(std::string& target, char letter) : log(target), name(letter) {
    run_ = [](void* self) {
      auto& job = *static_cast<NamedJob*>(self);
      job.log += job.name;
    };
    argument_ = this;
  }
  std::string& log;
  const char name;
};

class JobListTest : public ::testing::Test {
 protected:
  std::string run_all() {
    log.clear();
    while (Job* job = list.pop()) job->run();
    return log;
  }
  std::string log;
  NamedJob a{log, 'a'}, b{log, 'b'}, c{log, 'c'};
  JobList list;
};

TEST_F(JobListTest, IsEmptyAtFirst) {
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.pop(), nullptr);
  EXPECT_FALSE(a.is_queued());
}

TEST_F(JobListTest, KeepsTheOrderOfPushing) {
  list.push(b);
  list.push(a);
  list.push(c);
  EXPECT_EQ(run_all(), "bac");
  EXPECT_TRUE(list.empty());
}

TEST_F(JobListTest, AJobIsQueuedOnce) {
  list.push(a);
  list.push(b);
  list.push(a);
  EXPECT_EQ(run_all(), "ab");
}

TEST_F(JobListTest, APoppedJobCanBePushedAgain) {
  list.push(a);
  list.push(b);
  Job* job = list.pop();
  EXPECT_FALSE(job->is_queued());
  list.push(*job);
  EXPECT_EQ(run_all(), "ba");
}

TEST_F(JobListTest, UnlinkingTakesAJobOutAnywhere) {
  for (NamedJob* gone : {&a, &b, &c}) {
    list.push(a);
    list.push(b);
    list.push(c);
    gone->unlink();
    gone->unlink();
    std::string rest = "abc";
    std::erase(rest, gone->name);
    EXPECT_EQ(run_all(), rest);
  }
}

TEST_F(JobListTest, ADestroyedJobLeavesItsList) {
  auto short_lived = std::make_unique<NamedJob>(log, 'x');
  list.push(a);
  list.push(*short_lived);
  list.push(b);
  short_lived.reset();
  EXPECT_EQ(run_all(), "ab");
}

TEST_F(JobListTest, TakesAllJobsOfAnother) {
  JobList other;
  list.take_all(other);
  EXPECT_TRUE(list.empty());
  other.push(b);
  other.push(c);
  list.push(a);
  list.take_all(other);
  EXPECT_TRUE(other.empty());
  other.push(b);  // is in the other list already, so nothing happens
  EXPECT_TRUE(other.empty());
  EXPECT_EQ(run_all(), "abc");
}

TEST_F(JobListTest, TakesAllIntoAnEmptyList) {
  JobList other;
  other.push(a);
  list.take_all(other);
  EXPECT_EQ(run_all(), "a");
  other.push(b);
  list.take_all(other);
  EXPECT_EQ(run_all(), "b");
}

TEST_F(JobListTest, JobsOutliveAListThatEnds) {
  {
    JobList brief;
    brief.push(a);
    brief.push(b);
  }
  EXPECT_FALSE(a.is_queued());
  list.push(a);
  EXPECT_EQ(run_all(), "a");
}

TEST_F(JobListTest, BehavesAsAQueueUnderRandomOperations) {
  std::mt19937 random(11);
  std::deque<NamedJob> jobs;
  for (char name = 'A'; name <= 'Z'; ++name) jobs.emplace_back(log, name);
  std::deque<NamedJob*> model;
  for (int i = 0; i < 20'000; ++i) {
    NamedJob& job = jobs[random() % jobs.size()];
    const auto place = std::find(model.begin(), model.end(), &job);
    switch (random() % 4) {
      case 0:
      case 1:
        list.push(job);
        if (place == model.end()) model.push_back(&job);
        break;
      case 2:
        job.unlink();
        if (place != model.end()) model.erase(place);
        break;
      default:
        ASSERT_EQ(list.pop(), model.empty() ? nullptr : model.front());
        if (!model.empty()) model.pop_front();
    }
    ASSERT_EQ(list.empty(), model.empty());
    ASSERT_EQ(job.is_queued(), std::find(model.begin(), model.end(), &job) != model.end());
  }
}

}  // namespace
}  // namespace ioa
