#include "ioa/loop/debug_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <variant>

#include "ioa/base/syscall.hpp"

namespace ioa {
namespace {

constexpr std::size_t kBytesALine = 16;

bool is_printable(char c) { return c >= ' ' && c <= '~'; }

/// What a peer has sent must not speak to the terminal.
std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text) {
    std::array<char, 8> code{};
    std::snprintf(code.data(), code.size(), "\\x%02x", static_cast<unsigned char>(c));
    if (is_printable(c))
      result += c;
    else
      result += code.data();
  }
  return result;
}

struct TextOf {
  std::string operator()(std::string_view text) const { return printable(text); }
  std::string operator()(std::int64_t number) const { return std::to_string(number); }
  std::string operator()(double number) const {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.3f", number);
    return text.data();
  }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::span<const std::string> list) const {
    std::string text;
    for (const std::string& item : list) text += (text.empty() ? "" : ",") + printable(item);
    return text;
  }
};

/// "  00000010  68 65 6c 6c 6f ...  |hello|", a line for 16 bytes.
std::string dump(std::string_view bytes) {
  std::string text;
  for (std::size_t offset = 0; offset < bytes.size(); offset += kBytesALine) {
    const std::string_view row = bytes.substr(offset, kBytesALine);
    std::array<char, 16> number{};
    std::snprintf(number.data(), number.size(), "  %08zx ", offset);
    text += number.data();
    for (std::size_t i = 0; i < kBytesALine; ++i) {
      if (i == kBytesALine / 2) text += ' ';
      std::snprintf(number.data(), number.size(), i < row.size() ? " %02x" : "   ",
                    i < row.size() ? static_cast<unsigned char>(row[i]) : 0U);
      text += number.data();
    }
    text += "  |";
    for (const char c : row) text += is_printable(c) ? c : '.';
    text += "|\n";
  }
  return text;
}

std::optional<int> number_in(const char* text) {
  if (text == nullptr) return std::nullopt;
  const std::string_view view(text);
  int number = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), number);
  if (error != std::errc() || end != view.data() + view.size()) return std::nullopt;
  return number;
}

bool has_flag(std::string_view flags, std::string_view wanted) {
  while (!flags.empty()) {
    const std::size_t comma = flags.find(',');
    if (flags.substr(0, comma) == wanted) return true;
    flags.remove_prefix(comma == std::string_view::npos ? flags.size() : comma + 1);
  }
  return false;
}

}  // namespace

DebugLog::DebugLog(const Options& options)
    : level_(options.level),
      dumps_reads_(options.dumps_reads && options.level > 1),
      dumps_writes_(options.dumps_writes && options.level > 1),
      fd_(options.fd) {
  if (!options.path.empty()) {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY;
    file_ = UniqueFd(::open(options.path.c_str(), kFlags, 0666));
    fd_ = file_ ? file_.get() : STDERR_FILENO;
  }
  if (::fcntl(fd_, F_GETFD) < 0) fd_ = STDERR_FILENO;
}

std::unique_ptr<DebugLog> DebugLog::from_environment() {
  const std::optional<int> level = number_in(::secure_getenv("IOA_DEBUG"));
  if (!level || *level <= 0) return nullptr;
  Options options;
  options.level = *level;
  if (const char* path = ::secure_getenv("IOA_DEBUG_FILE")) options.path = path;
  options.fd = number_in(::secure_getenv("IOA_DEBUG_FD")).value_or(STDERR_FILENO);
  if (const char* flags = ::secure_getenv("IOA_DEBUG_FLAGS")) {
    options.dumps_reads = has_flag(flags, "Sr");
    options.dumps_writes = has_flag(flags, "Sw");
  }
  return std::make_unique<DebugLog>(options);
}

void DebugLog::forward_to(EventSink* next) noexcept {
  next_ = next;
  next_wants_trace_ = next != nullptr && next->wants_trace();
}

void DebugLog::event(std::string_view name, std::span<const EventField> fields) {
  std::string line = "[Loop] EVENT " + std::string(name);
  for (const EventField& field : fields)
    line += " " + std::string(field.name) + "=" + std::visit(TextOf(), field.value);
  write(line + "\n");
  if (next_ != nullptr) next_->event(name, fields);
}

void DebugLog::trace(const TraceStep& step) {
  if (step.level <= level_) {
    std::string text = "[" + printable(step.subject) + "] " + printable(step.text) + "\n";
    if ((step.direction == TraceStep::Bytes::read && dumps_reads_) ||
        (step.direction == TraceStep::Bytes::written && dumps_writes_))
      text += dump(step.bytes);
    write(text);
  }
  if (next_wants_trace_) next_->trace(step);
}

void DebugLog::write(std::string_view text) noexcept {
  const int saved = errno;
  while (!text.empty()) {
    const ssize_t size = retry_on_eintr([&] { return ::write(fd_, text.data(), text.size()); });
    if (size <= 0) break;  // there is nowhere left to complain
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  errno = saved;
}

}  // namespace ioa
