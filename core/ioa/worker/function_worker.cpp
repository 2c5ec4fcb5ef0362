#include "ioa/worker/function_worker.hpp"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <new>
#include <utility>
#include <vector>

#include "ioa/base/syscall.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/worker/blocking_channel.hpp"

namespace ioa::detail {
namespace {

// A worker that answers within this may be given several calls at once: none of them waits long.
constexpr Duration kQuick = std::chrono::milliseconds(1);

/// Unmaps what make_progress() has mapped.
struct Unmap {
  void operator()(WorkerProgress* progress) const noexcept {
    progress->~WorkerProgress();
    ::munmap(progress, sizeof(WorkerProgress));
  }
};

}  // namespace

std::shared_ptr<WorkerProgress> make_progress() {
  void* memory = ::mmap(nullptr, sizeof(WorkerProgress), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw Error::from_errno(errno, "mmap");
  return {new (memory) WorkerProgress, Unmap()};
}

FunctionWorker::FunctionWorker(FunctionPool& pool, const std::function<WorkerCode()>& maker)
    : pool_(pool), progress_(make_progress()), flush_(*pool.loop(), [this] { flush(); }) {
  auto [ours, theirs] = make_channel();
  if (pool.options().model == WorkerModel::process)
    start_process(maker, std::move(theirs));
  else
    start_thread(maker, std::move(theirs));
  stream_ = &pool.add_child(std::make_unique<Stream>(std::move(ours)));
  stream_->set_close_on_read_eof(false);
  stream_->on_read([this](Stream&, ByteBuffer& in, bool eof) { read_answers(in, eof); });
  stream_->on_read_error([this](Stream&, const Error&) { break_off(); });
  stream_->on_write_error([](Stream&, const Error&) {});  // what it has answered is still read
}

FunctionWorker::~FunctionWorker() {
  while (take_first()) {
  }
  if (stream_ != nullptr) stream_->remove();
  if (!watch_ || !watch_->is_waiting()) return;
  watch_->kill(SIGKILL);
  watch_.reset();
  retry_on_eintr([this] { return ::waitpid(pid_, nullptr, 0); });
}

void FunctionWorker::start_process(const std::function<WorkerCode()>& maker, UniqueFd theirs) {
  std::vector<UniqueFd> ends;
  ends.push_back(std::move(theirs));
  const FunctionOptions& options = pool_.options();
  auto main = [&maker, &options, this](std::vector<UniqueFd> given) {
    serve_calls(maker, given.front().get(), *progress_, options.max_message, options.exit_on_die);
  };
  pid_ = start_worker_process(std::move(main), std::move(ends));
  watch_.emplace(*pool_.loop(), pid_, [this](const ExitReport& report) { exited(report); });
}

void FunctionWorker::start_thread(const std::function<WorkerCode()>& maker, UniqueFd theirs) {
  std::vector<UniqueFd> ends;
  ends.push_back(std::move(theirs));
  // The thread may outlive this: it owns what it uses.
  auto main = [maker, progress = progress_, max_message = pool_.options().max_message,
               exit_on_die = pool_.options().exit_on_die](std::vector<UniqueFd> given) {
    try {
      serve_calls(maker, given.front().get(), *progress, max_message, exit_on_die);
    } catch (const std::exception&) {
      // The other side is gone, and nobody wants the answers.
    }
  };
  start_worker_thread(std::move(main), std::move(ends), pool_.options().name);
}

void FunctionWorker::give(std::unique_ptr<PendingCall> call) {
  call->number = ++given_;
  append_frame(out_, 0, call->number, call->arguments, pool_.options().max_message);
  const bool was_idle = load_++ == 0;
  calls_.push(*call.release());
  if (was_idle) last_answer_ = pool_.loop()->now();
  if (was_idle)
    flush();
  else
    flush_.schedule();  // together with those that come in the same turn
  const std::uint64_t most = pool_.options().max_worker_calls;
  if (most != 0 && given_ >= most) retire();
}

void FunctionWorker::flush() {
  flush_.call_off();
  if (stream_ != nullptr) stream_->write(out_);
  out_.clear();
  if (is_retiring_ && load_ == 0 && stream_ != nullptr) stream_->shutdown_write();
}

void FunctionWorker::retire() {
  is_retiring_ = true;
  if (load_ == 0) flush();
}

std::unique_ptr<PendingCall> FunctionWorker::take_first() noexcept {
  std::unique_ptr<PendingCall> call(calls_.first());
  if (!call) return call;
  calls_.remove(*call);
  --load_;
  return call;
}

std::unique_ptr<PendingCall> FunctionWorker::take_last() noexcept {
  std::unique_ptr<PendingCall> call(calls_.last());
  if (!call) return call;
  calls_.remove(*call);
  --load_;
  return call;
}

void FunctionWorker::read_answers(ByteBuffer& in, bool eof) {
  try {
    std::size_t done = 0;
    while (const auto frame = parse_frame(in.view().substr(done), kLongestMessage)) {
      take_answer(*frame);
      done += frame->size();
    }
    in.consume(done);
    if (eof) return break_off();
    if (done > 0) note_pace();
    if (done > 0) pool_.answered(*this);
  } catch (const Error&) {
    in.clear();
    break_off();  // it has gone mad: what it has not answered counts as if it had died
  }
}

void FunctionWorker::take_answer(const Frame& frame) {
  if (calls_.empty() || calls_.first()->number != frame.number)
    throw Error::from_errno(EPROTO, "receive", {}, "an answer without a call");
  const std::unique_ptr<PendingCall> call = take_first();
  if (!call->is_wanted) return;
  if (frame.kind == static_cast<std::uint8_t>(Reply::result))
    call->done(frame.payload);
  else
    call->fail(std::make_exception_ptr(decode_error(frame.payload)));
}

/// A worker that answers quickly gets more at once, up to the limit; one that does not, a call at a
/// time.
void FunctionWorker::note_pace() {
  const TimePoint now = pool_.loop()->now();
  const bool is_quick = now - std::exchange(last_answer_, now) < kQuick;
  depth_ =
      is_quick ? std::min(depth_ * 2, std::max<std::size_t>(pool_.options().max_in_flight, 1)) : 1;
  if (is_retiring_ && load_ == 0) flush();
}

/// Nothing more comes from it.
void FunctionWorker::break_off() {
  if (std::exchange(is_at_end_, true)) return;
  // A process that has closed its end by mistake would live on.
  if (!is_retiring_ && watch_) watch_->kill(SIGKILL);
  end_if_over();
}

void FunctionWorker::exited(const ExitReport& report) {
  fate_ = report.status.text();
  // What it has sent is still read. Others may hold the end that it had.
  if (stream_ != nullptr && !is_at_end_) ::shutdown(stream_->read_fd(), SHUT_RDWR);
  end_if_over();
}

void FunctionWorker::end_if_over() {
  if (!is_at_end_ || (watch_ && watch_->is_waiting()) || std::exchange(has_ended_, true)) return;
  flush_.call_off();
  std::exchange(stream_, nullptr)->remove();
  pool_.worker_gone(*this, fate_.empty() ? "it has ended" : fate_);
}

}  // namespace ioa::detail
