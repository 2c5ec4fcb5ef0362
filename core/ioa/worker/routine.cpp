#include "ioa/worker/routine.hpp"

#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <exception>
#include <memory>
#include <stdexcept>
#include <variant>

#include "ioa/base/syscall.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/worker/frame.hpp"

namespace ioa {
namespace {

constexpr std::uint8_t kReturned = 1;
constexpr std::uint8_t kThrown = 2;

/// Runs the code, and tells the outcome on the first of the ends.
void run_code(Routine::Code& code, std::vector<UniqueFd> ends) {
  const UniqueFd outcome = std::move(ends.front());
  std::vector<BlockingChannel> channels;
  for (std::size_t i = 1; i < ends.size(); ++i) channels.emplace_back(std::move(ends[i]));
  Bytes frame;
  try {
    detail::append_frame(frame, kReturned, 0, code(channels), detail::kMaxMessage);
  } catch (...) {
    frame.clear();
    detail::append_frame(frame, kThrown, 0, detail::encode_error(std::current_exception()),
                         detail::kMaxMessage);
  }
  channels.clear();  // whoever waits for their end need not wait for ours
  code = nullptr;
  detail::send_all(outcome.get(), frame);
}

std::variant<Bytes, WorkerError> parse_outcome(std::string_view bytes, const WaitStatus& status) {
  try {
    const auto frame = detail::parse_frame(bytes, detail::kMaxMessage);
    if (frame && frame->kind == kReturned) return Bytes(frame->payload);
    if (frame && frame->kind == kThrown) return detail::decode_error(frame->payload);
  } catch (const Error& error) {
    return WorkerError(error.kind(), error.code(), error.operation(), {}, error.detail());
  }
  return WorkerError(ErrorKind::disconnected, {}, "run routine", {},
                     status.is_known() ? status.text() : "it ended without a result");
}

}  // namespace

Routine::Routine(WorkerModel model, std::vector<UniqueFd> ends, Code code, std::string name)
    : model_(model), ends_(std::move(ends)), code_(std::move(code)), name_(std::move(name)) {}

Routine::~Routine() = default;

std::string Routine::id() const {
  if (id_ == 0) return {};
  return (model_ == WorkerModel::process ? "P" : "T") + std::to_string(id_);
}

void Routine::on_return(UniqueFunction<void(Routine&, std::string_view)> callback) {
  on_return_ = std::move(callback);
}
void Routine::on_error_thrown(UniqueFunction<void(Routine&, const Error&)> callback) {
  on_error_thrown_ = std::move(callback);
}
void Routine::on_finish(Callback callback) { on_finish_ = std::move(callback); }

bool Routine::kill(int signal) const noexcept { return watch_ && watch_->kill(signal); }

void Routine::added_to_loop(Loop& loop) {
  if (id_ != 0) throw std::logic_error("a Routine runs once");
  auto [ours, theirs] = make_channel();
  auto& stream = add_child(std::make_unique<Stream>(std::move(ours)));
  stream.set_close_on_read_eof(false);
  stream.on_read([this](Stream&, ByteBuffer& in, bool eof) { read_outcome(in, eof); });
  stream.on_read_error([this](Stream&, const Error&) {
    ByteBuffer nothing;
    read_outcome(nothing, true);
  });
  outcome_stream_ = &stream;
  finish_.emplace(loop, [this] { finish(); });
  std::vector<UniqueFd> ends;
  ends.push_back(std::move(theirs));
  for (UniqueFd& end : ends_) ends.push_back(std::move(end));
  ends_.clear();
  auto main = [code = std::move(code_)](std::vector<UniqueFd> given) mutable {
    run_code(code, std::move(given));
  };
  if (model_ == WorkerModel::thread) {
    id_ = detail::start_worker_thread(
        [main = std::move(main)](std::vector<UniqueFd> given) mutable {
          try {
            main(std::move(given));
          } catch (const std::exception&) {
            // Nobody is there any more who would want the outcome.
          }
        },
        std::move(ends), name_);
    return;
  }
  id_ = detail::start_worker_process(std::move(main), std::move(ends));
  watch_.emplace(loop, id_, [this](const ExitReport& report) { exited(report); });
}

void Routine::removing_from_loop(Loop&) {
  if (watch_ && watch_->is_waiting()) {
    watch_->kill(SIGKILL);
    watch_.reset();
    retry_on_eintr([this] { return ::waitpid(id_, nullptr, 0); });
  }
  watch_.reset();
  finish_.reset();
  outcome_stream_ = nullptr;  // leaves with this
}

void Routine::read_outcome(ByteBuffer& in, bool eof) {
  const bool is_too_long = in.size() > detail::kFrameHeaderSize + detail::kMaxMessage;
  if ((!eof && !is_too_long) || outcome_) return;
  outcome_ = in.view();
  in.clear();
  outcome_stream_->remove();
  outcome_stream_ = nullptr;
  finish_if_over();
}

void Routine::exited(const ExitReport& report) {
  status_ = report.status;
  // What it has sent is still read; others that hold the end it had do not matter.
  if (outcome_stream_ != nullptr) ::shutdown(outcome_stream_->read_fd(), SHUT_RDWR);
  finish_if_over();
}

void Routine::finish_if_over() {
  if (outcome_ && !(watch_ && watch_->is_waiting())) finish_->schedule();
}

void Routine::finish() {
  const WeakRef<Routine> self(*this);
  const auto goes_on = [&self] { return self.get() != nullptr && self.get()->loop() != nullptr; };
  const auto outcome = parse_outcome(*outcome_, status_);
  if (const auto* value = std::get_if<Bytes>(&outcome)) {
    result_.done(*value);
    on_return_(*this, *value);
  } else {
    const auto& error = std::get<WorkerError>(outcome);
    const bool is_told = has_given_result_ || on_error_thrown_;
    result_.fail(std::make_exception_ptr(error));
    on_error_thrown_(*this, error);
    if (!is_told) invoke_error(std::make_exception_ptr(error));
  }
  if (goes_on()) on_finish_(*this);
  if (goes_on()) remove();
}

}  // namespace ioa
