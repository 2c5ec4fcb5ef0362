#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>

#include "ioa/base/byte_buffer.hpp"
#include "ioa/base/bytes.hpp"
#include "ioa/base/free_list.hpp"
#include "ioa/base/unique_function.hpp"
#include "ioa/future/future.hpp"
#include "ioa/future/node_list.hpp"
#include "ioa/future/waiters.hpp"

namespace ioa {

class Stream;

/// What a generator of bytes to write gives: some bytes, or a promise of them.
using WritePiece = std::variant<Bytes, Future<Bytes>>;
/// Gives the next piece each time it is called, and nothing once there are no more.
using WriteGenerator = UniqueFunction<std::optional<WritePiece>(Stream&)>;

namespace detail {

/// The part of a Stream's write queue that is not plain bytes: Futures, generators, and bytes that
/// wait behind them; not part of the interface. It is there only while one of these is.
class WritePieces : public FreeListed {
 public:
  /// What a call of load() came to.
  enum class Next {
    loaded,   ///< There are bytes to send, or nothing is left.
    pending,  ///< The Future at the front is not ready; or the generator there is running.
    call,     ///< It is the generator's turn: see call().
  };

  WritePieces() = default;
  WritePieces(const WritePieces&) = delete;
  WritePieces& operator=(const WritePieces&) = delete;
  ~WritePieces();

  bool empty() const noexcept { return pieces_.empty(); }
  /// How many bytes are known, and not loaded yet.
  std::size_t size() const noexcept { return size_; }

  void append(std::string_view bytes);
  void add(Future<Bytes> bytes);
  void add(WriteGenerator generator);

  /// A Future of the moment when all that is here now is sent.
  Future<> wait_flushed();

  /// Moves bytes that are there behind those of `front`, as many as one call of the system may
  /// well take; `sent` is the position of the first byte of `front` in the whole stream. Throws
  /// what the Future at the front has failed with.
  Next load(ByteBuffer& front, std::uint64_t sent);
  /// Calls the generator whose turn it is, and queues what it gives. The call may destroy this: it
  /// returns false then. Throws what the generator throws, which is called no more.
  bool call(Stream& stream);
  /// Has `run(argument)` called when the Future at the front is ready, if that is what is waited
  /// for; once, however often it is asked for.
  void react(void (*run)(void*), void* argument);

  /// True if nothing goes on before a Future is ready, or a generator has returned.
  bool is_pending() const noexcept;

  /// All bytes before `sent` were sent: completes what waits for that.
  void settle(std::uint64_t sent);
  /// Returns whether there was anybody who waits.
  bool fail_all(const std::exception_ptr& error);

 private:
  struct Piece;
  struct Call;

  Piece& push(Piece* piece);
  void drop(Piece& piece);

  NodeList<Piece> pieces_;
  std::size_t size_ = 0;
};

}  // namespace detail
}  // namespace ioa
