#include "ioa/worker/thread_pool.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/base/error.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa {
namespace {

using JobPointer = std::shared_ptr<detail::ThreadJob>;

/// Blocks every signal that another thread could take for as long as it lives. Threads inherit it,
/// so that there is no moment in which a new one could take a signal.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT})
      ::sigdelset(&all, fault);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

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
  Shared(std::shared_ptr<PostQueue> posted, Options options)
      : options_(std::move(options)), posted_(std::move(posted)) {
    IOA_ASSERT(options_.max_threads > 0, "a pool without threads runs nothing");
  }

  /// Puts `job` in line. If nobody can ever run it, it does not, and returns the errno value.
  int submit(JobPointer job);
  struct GivenUp {
    std::deque<JobPointer> unrun;     ///< To be destroyed; `job` itself, if it was still in line.
    std::deque<JobPointer> hopeless;  ///< No thread is left for them, and none can be started.
    int error = 0;                    ///< Why.
  };
  /// Nobody waits for `job` any more.
  GivenUp give_up(detail::ThreadJob& job);
  /// Takes nothing more; returns the jobs in line.
  std::deque<JobPointer> close();

  Counts counts() const {
    const std::lock_guard lock(mutex_);
    return {threads_, abandoned_, queue_.size()};
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
  const std::shared_ptr<PostQueue> posted_;
  mutable std::mutex mutex_;  // of all that follows
  std::condition_variable job_or_end_;
  std::deque<JobPointer> queue_;
  std::size_t threads_ = 0;
  std::size_t free_ = 0;  // those that run no job: they will look at the queue
  std::size_t abandoned_ = 0;
  bool closed_ = false;
};

int ThreadPool::Shared::submit(JobPointer job) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(job));
    const int error = start_threads();
    if (error != 0 && threads_ <= abandoned_) {
      queue_.pop_back();
      return error;
    }
    // With the lock, so that a thread that wakes up finds the jobs that follow as well.
    if (queue_.size() > 1) {
      job_or_end_.notify_one();
      return 0;
    }
  }
  job_or_end_.notify_one();  // without the lock: a thread need not wait for it to get a single job
  return 0;
}

/// Starts threads for what is in line, as far as the bounds allow.
int ThreadPool::Shared::start_threads() {
  while (queue_.size() > free_ && counted() < options_.max_threads)
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
    const SignalsBlocked blocked;
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
    JobPointer job = std::move(queue_.front());
    queue_.pop_front();
    run(std::move(job), lock);
  }
  --free_;
  --threads_;
}

/// False if there is none and the thread should end.
bool ThreadPool::Shared::wait_for_job(std::unique_lock<std::mutex>& lock) {
  job_or_end_.wait_for(lock, options_.idle_time, [this] { return closed_ || !queue_.empty(); });
  return !queue_.empty();
}

void ThreadPool::Shared::run(JobPointer job, std::unique_lock<std::mutex>& lock) {
  using Stage = detail::ThreadJob::Stage;
  job->stage_ = Stage::running;
  --free_;
  lock.unlock();
  job->run();
  lock.lock();
  job->stage_ = Stage::ended;
  if (job->is_abandoned_) {
    --abandoned_;
    lock.unlock();
    job.reset();  // without the lock: what it holds may be anything
    lock.lock();
    ++free_;
  } else {
    // Free before the loop knows of the result: the next job need not start another thread.
    ++free_;
    lock.unlock();
    posted_->post([done = std::move(job)] { ThreadPool::deliver(*done); });
    lock.lock();
  }
}

ThreadPool::Shared::GivenUp ThreadPool::Shared::give_up(detail::ThreadJob& job) {
  using Stage = detail::ThreadJob::Stage;
  const std::lock_guard lock(mutex_);
  GivenUp result;
  if (job.stage_ == Stage::queued) {
    const auto place = std::find_if(queue_.begin(), queue_.end(),
                                    [&](const JobPointer& entry) { return entry.get() == &job; });
    result.unrun.push_back(std::move(*place));
    queue_.erase(place);
  } else if (job.stage_ == Stage::running) {
    job.is_abandoned_ = true;
    ++abandoned_;
    job_or_end_.notify_one();
    result.error = start_threads();
    if (result.error != 0 && threads_ <= abandoned_) result.hopeless = std::exchange(queue_, {});
  }
  return result;
}

std::deque<JobPointer> ThreadPool::Shared::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  job_or_end_.notify_all();
  return std::exchange(queue_, {});
}

ThreadPool::ThreadPool(Loop& loop, const Options& options)
    : forks_(fork_count()), shared_(std::make_shared<Shared>(loop.post_queue(), options)) {}

ThreadPool::~ThreadPool() {
  const auto unrun = has_threads_elsewhere() ? std::deque<JobPointer>() : shared_->close();
  for (auto& [job, owner] : pending_) {
    job->pool_ = nullptr;
    job->drop_promise();
  }
}

/// After a fork: nobody will ever unlock what a thread had locked, nor end a job.
bool ThreadPool::has_threads_elsewhere() const noexcept { return forks_ != fork_count(); }

void ThreadPool::submit(std::shared_ptr<detail::ThreadJob> job) {
  if (has_threads_elsewhere())
    return job->fail(std::make_exception_ptr(
        Error(ErrorKind::unsupported, {}, "run on a thread", {},
              "the pool belongs to the process that this one was forked from")));
  job->pool_ = this;
  pending_.emplace(job.get(), job);
  if (const int error = shared_->submit(job)) fail(*job, error);
}

/// No thread can be started for `job`.
void ThreadPool::fail(detail::ThreadJob& job, int error) noexcept {
  const auto entry = pending_.extract(&job);
  job.pool_ = nullptr;
  job.fail(std::make_exception_ptr(Error(
      ErrorKind::overloaded, std::error_code(error, std::system_category()), "pthread_create")));
}

void ThreadPool::give_up(detail::ThreadJob& job) noexcept {
  Shared::GivenUp result;
  if (!has_threads_elsewhere()) result = shared_->give_up(job);
  const auto entry = pending_.extract(&job);
  job.pool_ = nullptr;
  job.drop_promise();
  for (const JobPointer& hopeless : result.hopeless) fail(*hopeless, result.error);
}

void ThreadPool::deliver(detail::ThreadJob& job) noexcept {
  if (job.pool_ == nullptr) return;
  const auto entry = std::exchange(job.pool_, nullptr)->pending_.extract(&job);
  job.deliver();
}

ThreadPool::Counts ThreadPool::counts() const noexcept {
  return has_threads_elsewhere() ? Counts() : shared_->counts();
}
std::size_t ThreadPool::threads() const noexcept { return counts().threads; }
std::size_t ThreadPool::abandoned() const noexcept { return counts().abandoned; }
std::size_t ThreadPool::queued() const noexcept { return counts().queued; }

}  // namespace ioa
