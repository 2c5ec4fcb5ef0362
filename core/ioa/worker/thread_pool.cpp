#include "ioa/worker/thread_pool.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/base/error.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/worker/thread_signals.hpp"

namespace ioa {
namespace {

using detail::ThreadJob;
using JobPointer = std::unique_ptr<ThreadJob>;

/// Takes the first job out, to own it; null if there is none.
JobPointer pop(JobList& jobs) { return JobPointer(static_cast<ThreadJob*>(jobs.pop())); }

void destroy_all(JobList& jobs) noexcept {
  while (pop(jobs)) {
  }
}

constinit std::atomic<unsigned> forks{0};

/// Changes in a child made by fork(2). (Asking for the process id is a system call each time.)
unsigned fork_count() {
  static const int registered = ::pthread_atfork(nullptr, nullptr, [] { ++forks; });
  static_cast<void>(registered);
  return forks;
}

std::size_t usable_stack_size(std::size_t wanted) {
  constexpr std::size_t kPage = 4096;  // pthread_attr_setstacksize(3) may refuse parts of a page
  const auto least = static_cast<std::size_t>(PTHREAD_STACK_MIN);
  return (std::max(wanted, least) + kPage - 1) / kPage * kPage;
}

}  // namespace

/// What the threads and the pool have in common; it lives until the last of them is gone.
class ThreadPool::Shared : public std::enable_shared_from_this<Shared> {
 public:
  Shared(ThreadPool& pool, std::shared_ptr<PostQueue> posted, Options options)
      : options_(std::move(options)), pool_(&pool), posted_(std::move(posted)) {
    IOA_ASSERT(options_.max_threads > 0, "a pool without threads runs nothing");
  }

  /// Puts `job` in line. If nobody can ever run it, it gives it back, with the errno value.
  std::pair<JobPointer, int> submit(JobPointer job);
  /// Nobody waits for `job` any more. If no thread is left for those in line, and none can be
  /// started, they are moved to `hopeless`, and the result is the errno value; else 0.
  int give_up(ThreadJob& job, JobList& hopeless);
  /// Moves those that have ended to `ended`.
  void take_ended(JobList& ended);
  /// Takes nothing more, gives up those of `awaited` that run, and destroys what no thread has.
  void close(const detail::NodeList<ThreadJob>& awaited);

  Counts counts() const {
    const std::lock_guard lock(mutex_);
    return {threads_, abandoned_, queued_};
  }

 private:
  static void* thread_main(void* owned_self);
  void work();
  bool wait_for_job(std::unique_lock<std::mutex>& lock);
  void run(JobPointer job, std::unique_lock<std::mutex>& lock);
  int start_threads();
  int start_thread();
  /// Threads that take part: those given up do not, as far as the bound for them goes.
  std::size_t counted() const {
    return threads_ - std::min({abandoned_, options_.max_abandoned, threads_});
  }

  const Options options_;
  ThreadPool* pool_;  // the loop's thread only; null once it is gone
  const std::shared_ptr<PostQueue> posted_;
  mutable std::mutex mutex_;  // of all that follows
  std::condition_variable job_or_end_;
  JobList line_;
  JobList ended_;  // whose results the loop has not taken
  std::size_t queued_ = 0;
  std::size_t threads_ = 0;
  std::size_t free_ = 0;  // those that run no job: they will look at the queue
  std::size_t abandoned_ = 0;
  bool closed_ = false;
};

std::pair<JobPointer, int> ThreadPool::Shared::submit(JobPointer job) {
  {
    const std::lock_guard lock(mutex_);
    line_.push(*job);
    ++queued_;
    const int error = start_threads();
    if (error != 0 && threads_ <= abandoned_) {
      job->unlink();
      --queued_;
      return {std::move(job), error};
    }
    static_cast<void>(job.release());
    // With the lock, so that a thread that wakes up finds the jobs that follow as well.
    if (queued_ > 1) {
      job_or_end_.notify_one();
      return {};
    }
  }
  job_or_end_.notify_one();  // without the lock: a thread need not wait for it to get a single job
  return {};
}

/// Starts threads for what is in line, as far as the bounds allow.
int ThreadPool::Shared::start_threads() {
  while (queued_ > free_ && counted() < options_.max_threads)
    if (const int error = start_thread()) return error;
  return 0;
}

int ThreadPool::Shared::start_thread() {
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, usable_stack_size(options_.stack_size));
  ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  auto self = std::make_unique<std::shared_ptr<Shared>>(shared_from_this());
  pthread_t thread;
  int error = 0;
  {
    const detail::ThreadSignals blocked;
    error = ::pthread_create(&thread, &attributes, &Shared::thread_main, self.get());
  }
  ::pthread_attr_destroy(&attributes);
  if (error != 0) return error;
  static_cast<void>(self.release());
  ++threads_;
  ++free_;
  return 0;
}

void* ThreadPool::Shared::thread_main(void* owned_self) {
  const std::unique_ptr<std::shared_ptr<Shared>> self(
      static_cast<std::shared_ptr<Shared>*>(owned_self));
  ::pthread_setname_np(::pthread_self(), (*self)->options_.name.substr(0, 15).c_str());
  (*self)->work();
  return nullptr;
}

void ThreadPool::Shared::work() {
  std::unique_lock lock(mutex_);
  while (counted() <= options_.max_threads && wait_for_job(lock)) {
    --queued_;
    run(pop(line_), lock);
  }
  --free_;
  --threads_;
}

/// False if there is none and the thread should end.
bool ThreadPool::Shared::wait_for_job(std::unique_lock<std::mutex>& lock) {
  if (queued_ == 0 && !closed_)
    job_or_end_.wait_for(lock, options_.idle_time, [this] { return closed_ || queued_ > 0; });
  return queued_ > 0;
}

void ThreadPool::Shared::run(JobPointer job, std::unique_lock<std::mutex>& lock) {
  using Stage = ThreadJob::Stage;
  job->stage_ = Stage::running;
  --free_;
  lock.unlock();
  job->run();
  lock.lock();
  if (job->is_abandoned_) {
    --abandoned_;
    lock.unlock();
    job.reset();  // without the lock: what it holds may be anything
    lock.lock();
    ++free_;
    return;
  }
  // Free before the loop knows of the result: the next job need not start another thread.
  ++free_;
  job->stage_ = Stage::ended;
  const bool is_first = ended_.empty();
  ended_.push(*job.release());
  if (!is_first) return;  // the loop will look at all of them
  lock.unlock();
  posted_->post([self = shared_from_this()] {
    if (self->pool_ != nullptr) self->pool_->collect();
  });
  lock.lock();
}

int ThreadPool::Shared::give_up(ThreadJob& job, JobList& hopeless) {
  using Stage = ThreadJob::Stage;
  JobPointer unrun;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  if (job.stage_ == Stage::queued) {
    job.unlink();
    unrun.reset(&job);
    --queued_;
  }
  if (job.stage_ != Stage::running) return 0;
  job.is_abandoned_ = true;
  ++abandoned_;
  job_or_end_.notify_one();
  const int error = start_threads();
  if (error == 0 || threads_ > abandoned_) return 0;
  hopeless.take_all(line_);
  queued_ = 0;
  return error;
}

void ThreadPool::Shared::take_ended(JobList& ended) {
  const std::lock_guard lock(mutex_);
  ended.take_all(ended_);
}

void ThreadPool::Shared::close(const detail::NodeList<ThreadJob>& awaited) {
  JobList left;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    job_or_end_.notify_all();
    for (ThreadJob* job = awaited.first(); job != nullptr; job = job->next) {
      if (job->stage_ != ThreadJob::Stage::running) continue;
      job->is_abandoned_ = true;
      ++abandoned_;
    }
    left.take_all(line_);
    left.take_all(ended_);
    queued_ = 0;
  }
  pool_ = nullptr;
  destroy_all(left);
}

ThreadPool::ThreadPool(Loop& loop, const Options& options)
    : forks_(fork_count()), shared_(std::make_shared<Shared>(*this, loop.post_queue(), options)) {}

ThreadPool::~ThreadPool() {
  for (ThreadJob* job = awaited_.first(); job != nullptr; job = job->next) job->drop_promise();
  if (!has_threads_elsewhere()) shared_->close(awaited_);
}

/// After a fork: nobody will ever unlock what a thread had locked, nor end a job.
bool ThreadPool::has_threads_elsewhere() const noexcept { return forks_ != fork_count(); }

void ThreadPool::submit(std::unique_ptr<ThreadJob> job) {
  awaited_.push(*job);
  if (has_threads_elsewhere()) {
    await_no_more(*job);
    return job->fail(std::make_exception_ptr(
        Error(ErrorKind::unsupported, {}, "run on a thread", {},
              "the pool belongs to the process that this one was forked from")));
  }
  auto [refused, error] = shared_->submit(std::move(job));
  if (refused) fail(std::move(refused), error);
}

void ThreadPool::await_no_more(ThreadJob& job) noexcept {
  awaited_.remove(job);
  job.is_awaited_ = false;
}

/// No thread can be started for `job`.
void ThreadPool::fail(std::unique_ptr<ThreadJob> job, int error) noexcept {
  await_no_more(*job);
  job->fail(std::make_exception_ptr(Error(
      ErrorKind::overloaded, std::error_code(error, std::system_category()), "pthread_create")));
}

void ThreadPool::give_up(ThreadJob& job) noexcept {
  await_no_more(job);
  job.drop_promise();
  if (has_threads_elsewhere()) return;
  JobList hopeless;
  const int error = shared_->give_up(job, hopeless);
  while (JobPointer left = pop(hopeless)) fail(std::move(left), error);
}

/// Hands the results over that are there.
void ThreadPool::collect() noexcept {
  if (has_threads_elsewhere()) return;
  JobList ended;
  shared_->take_ended(ended);
  while (const JobPointer job = pop(ended)) {
    if (!job->is_awaited_) continue;
    await_no_more(*job);
    job->deliver();
  }
}

ThreadPool::Counts ThreadPool::counts() const noexcept {
  return has_threads_elsewhere() ? Counts() : shared_->counts();
}
std::size_t ThreadPool::threads() const noexcept { return counts().threads; }
std::size_t ThreadPool::abandoned() const noexcept { return counts().abandoned; }
std::size_t ThreadPool::queued() const noexcept { return counts().queued; }

}  // namespace ioa
