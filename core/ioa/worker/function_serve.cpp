#include <chrono>
#include <exception>
#include <utility>

#include "ioa/base/clock.hpp"
#include "ioa/worker/blocking_channel.hpp"
#include "ioa/worker/function_worker.hpp"

namespace ioa::detail {
namespace {

// Answers wait for others, to be sent with them, but no longer than this and no more than that.
constexpr Duration kPatience = std::chrono::microseconds(100);
constexpr std::size_t kMostWaiting = std::size_t{64} << 10;

class Server {
 public:
  Server(const std::function<WorkerCode()>& maker, int fd, WorkerProgress& progress,
         std::size_t max_message, bool exit_on_die)
      : fd_(fd), progress_(progress), max_message_(max_message), exit_on_die_(exit_on_die) {
    try {
      code_ = maker();
    } catch (...) {
      failure_ = encode_error(std::current_exception());
    }
  }

  void run() {
    while (serve_received() && receive_some(fd_, in_)) {
    }
  }

 private:
  /// Returns false if it is over.
  bool serve_received() {
    const TimePoint began = Clock::now();
    while (const auto frame = parse_frame(in_.view(), max_message_)) {
      const std::size_t size = frame->size();
      const bool goes_on = serve(*frame);
      in_.consume(size);
      if (!goes_on) break;
      if (out_.size() >= kMostWaiting || Clock::now() - began >= kPatience) flush();
    }
    flush();
    return !is_over_;
  }

  bool serve(const Frame& call) {
    progress_.begun.store(call.number, std::memory_order_release);
    const std::size_t start = out_.size();
    try {
      if (failure_.empty()) {
        result_.clear();
        code_(call.payload, result_);
        append_frame(out_, static_cast<std::uint8_t>(Reply::result), call.number, result_,
                     max_message_);
        return true;
      }
      answer_error(call, failure_);
    } catch (...) {
      out_.resize(start);
      answer_error(call, encode_error(std::current_exception()));
    }
    is_over_ = exit_on_die_;
    return !is_over_;
  }

  void answer_error(const Frame& call, std::string_view error) {
    append_frame(out_, static_cast<std::uint8_t>(Reply::error), call.number, error,
                 kLongestMessage);
  }

  void flush() {
    send_all(fd_, out_);
    out_.clear();
  }

  int fd_;
  WorkerProgress& progress_;
  std::size_t max_message_;
  bool exit_on_die_;
  WorkerCode code_;
  Bytes failure_;  // of making the code
  ByteBuffer in_;
  Bytes out_;
  Bytes result_;
  bool is_over_ = false;
};

}  // namespace

void serve_calls(const std::function<WorkerCode()>& maker, int fd, WorkerProgress& progress,
                 std::size_t max_message, bool exit_on_die) {
  Server(maker, fd, progress, max_message, exit_on_die).run();
}

}  // namespace ioa::detail
