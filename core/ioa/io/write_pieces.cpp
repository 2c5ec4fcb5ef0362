#include "ioa/io/write_pieces.hpp"

#include <utility>

#include "ioa/base/assert.hpp"

namespace ioa::detail {
namespace {

// Several pieces go out in one system call; past this many bytes that saves nothing.
constexpr std::size_t kLoadedAtOnce = std::size_t{64} << 10;

}  // namespace

/// Bytes, a Future of them, or a generator and what it has given last.
struct WritePieces::Piece : FreeListed {
  Piece() = default;
  Piece(const Piece&) = delete;
  Piece& operator=(const Piece&) = delete;
  ~Piece();

  /// All that it has to give is loaded.
  bool is_through() const noexcept {
    return bytes.empty() && !future.valid() && !generator && running == nullptr;
  }
  bool is_plain() const noexcept { return !bytes.empty() && !generator && running == nullptr; }

  ByteBuffer bytes;
  Future<Bytes> future;
  WriteGenerator generator;
  Call* running = nullptr;  // of the generator
  bool is_reacting = false;
  std::uint64_t end = 0;  // where its last loaded byte ends
  Waiters flushed;
  Piece* prev = nullptr;
  Piece* next = nullptr;
};

/// A call of a generator, which its piece may not survive.
struct WritePieces::Call {
  explicit Call(Piece& called) noexcept : piece(&called) { called.running = this; }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() {
    if (piece != nullptr) piece->running = nullptr;
  }
  Piece* piece;
};

WritePieces::Piece::~Piece() {
  if (running != nullptr) running->piece = nullptr;
}

WritePieces::~WritePieces() {
  while (Piece* piece = pieces_.first()) drop(*piece);
}

WritePieces::Piece& WritePieces::push(Piece* piece) {
  pieces_.push(*piece);
  return *piece;
}

void WritePieces::drop(Piece& piece) {
  pieces_.remove(piece);
  delete &piece;
}

void WritePieces::append(std::string_view bytes) {
  Piece* last = pieces_.last();
  // Who waits for a piece does not wait for what is written later.
  if (last == nullptr || !last->is_plain() || !last->flushed.empty()) last = &push(new Piece);
  last->bytes.append(bytes);
  size_ += bytes.size();
}

void WritePieces::add(Future<Bytes> bytes) { push(new Piece).future = std::move(bytes); }
void WritePieces::add(WriteGenerator generator) {
  push(new Piece).generator = std::move(generator);
}

Future<> WritePieces::wait_flushed() {
  IOA_ASSERT(!empty(), "a queue without pieces does not exist");
  return pieces_.last()->flushed.add();
}

WritePieces::Next WritePieces::load(ByteBuffer& front, std::uint64_t sent) {
  const auto unless_loaded = [&](Next next) { return front.empty() ? next : Next::loaded; };
  for (Piece* piece = pieces_.first(); piece != nullptr; piece = piece->next) {
    if (front.size() >= kLoadedAtOnce) return Next::loaded;
    if (piece->running != nullptr) return unless_loaded(Next::pending);
    if (!piece->bytes.empty()) {
      front.append(piece->bytes.view());
      size_ -= piece->bytes.size();
      piece->bytes.clear();
      piece->end = sent + front.size();
    }
    if (piece->future.valid()) {
      if (!piece->future.ready()) return unless_loaded(Next::pending);
      if (piece->future.has_failed() && !front.empty()) return Next::loaded;
      piece->is_reacting = false;
      front.append(piece->future.get());
      piece->end = sent + front.size();
    }
    if (piece->generator) return unless_loaded(Next::call);
  }
  return Next::loaded;
}

bool WritePieces::call(Stream& stream) {
  Piece* piece = pieces_.first();
  while (piece != nullptr && !piece->generator) piece = piece->next;
  IOA_ASSERT(piece != nullptr, "there is no generator whose turn it is");
  Call running(*piece);
  WriteGenerator generator = std::move(piece->generator);
  std::optional<WritePiece> given = generator(stream);
  if (running.piece == nullptr) return false;
  if (!given) return true;
  piece->generator = std::move(generator);
  if (auto* bytes = std::get_if<Bytes>(&*given)) {
    piece->bytes.append(*bytes);
    size_ += bytes->size();
  } else {
    piece->future = std::get<Future<Bytes>>(std::move(*given));
    IOA_ASSERT(piece->future.valid(), "a generator gave a Future without an operation");
  }
  return true;
}

void WritePieces::react(void (*run)(void*), void* argument) {
  Piece* piece = pieces_.first();
  while (piece != nullptr && !piece->future.valid()) piece = piece->next;
  if (piece == nullptr || std::exchange(piece->is_reacting, true)) return;
  piece->future.react(run, argument);
}

bool WritePieces::is_pending() const noexcept {
  const Piece* piece = pieces_.first();
  while (piece != nullptr && piece->is_through()) piece = piece->next;
  if (piece == nullptr || !piece->bytes.empty()) return false;
  return piece->running != nullptr || (piece->future.valid() && !piece->future.ready());
}

void WritePieces::settle(std::uint64_t sent) {
  while (Piece* piece = pieces_.first()) {
    if (!piece->is_through() || piece->end > sent) return;
    piece->flushed.done_all();
    drop(*piece);
  }
}

bool WritePieces::fail_all(const std::exception_ptr& error) {
  bool is_told = false;
  for (Piece* piece = pieces_.first(); piece != nullptr; piece = piece->next) {
    if (piece->flushed.empty()) continue;
    is_told = true;
    piece->flushed.fail_all(error);
  }
  return is_told;
}

}  // namespace ioa::detail
