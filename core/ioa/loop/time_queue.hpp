#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ioa/base/clock.hpp"
#include "ioa/base/event_slot.hpp"
#include "ioa/base/plain_array.hpp"

namespace ioa {

class TimeQueue;

/// A timer of the lowest level: calls back once each time it is armed. Higher-level timers (and the
/// timeouts of everything) are made of it. It stays where it was made; destroying it disarms it,
/// also inside its own callback.
class TimeWatch {
 public:
  /// The queue must outlive the watch.
  explicit TimeWatch(TimeQueue& queue) noexcept : queue_(&queue) {}
  TimeWatch(TimeQueue& queue, UniqueFunction<void()> callback) : queue_(&queue) {
    callback_.set(std::move(callback));
  }
  TimeWatch(const TimeWatch&) = delete;
  TimeWatch& operator=(const TimeWatch&) = delete;
  ~TimeWatch() { disarm(); }

  void set_callback(UniqueFunction<void()> callback) { callback_.set(std::move(callback)); }

  bool is_armed() const noexcept { return due_ != kNever; }
  /// When it is due; counts only while it is armed, no longer in its callback.
  TimePoint due() const noexcept { return due_; }

  /// Has the callback run in the first turn that begins at or after `due`, instead of when it was
  /// armed for before. A time that has passed means the next turn. Moving it later is cheap.
  void arm(TimePoint due);
  void disarm() noexcept;

 private:
  friend class TimeQueue;

  static constexpr TimePoint kNever = TimePoint::min();  // nobody can arm it for that
  static constexpr std::uint32_t kNoSlot = UINT32_MAX;

  bool has_entry() const noexcept { return slot_ != kNoSlot; }

  // No more than a cache line: there may be very many of these.
  TimeQueue* queue_;
  TimePoint due_ = kNever;        // not armed
  std::uint32_t sequence_ = 0;    // among equal deadlines, who was armed first
  std::uint32_t slot_ = kNoSlot;  // by which the queue knows it, while it has an entry
  CallbackSlot<> callback_;
};

/// The deadlines of a Loop: a 4-ary heap with lazy re-arming: a timer moved later keeps its early
/// entry until that surfaces.
///
/// A million timers cost cache misses, not comparisons. So an entry has all that it is sorted by,
/// and sifting touches no timer: where an entry is stands in an array that is much smaller than the
/// timers are. Four entries of 16 bytes, the children of one, share a cache line.
class TimeQueue {
 public:
  TimeQueue() = default;
  TimeQueue(const TimeQueue&) = delete;
  TimeQueue& operator=(const TimeQueue&) = delete;
  /// Disarms what is left: watches may outlive the queue's use, but not call back.
  ~TimeQueue();

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  /// The earliest deadline.
  std::optional<TimePoint> next() noexcept;

  /// Runs what is due at `now`, in the order of the deadlines, equal ones in the order of arming,
  /// at most `limit` of them; what these arm anew waits for the next call. Returns how many ran.
  std::size_t fire(TimePoint now, std::size_t limit);
  /// The same in steps: the first once, the second until it returns less than `limit`.
  void begin_firing(TimePoint now) noexcept;
  std::size_t fire_due(TimePoint now, std::size_t limit);
  /// How many have ever run.
  std::uint64_t fired() const noexcept { return fired_; }

  /// When those that are armed are due, in this order.
  std::vector<TimePoint> due_times() const;

 private:
  friend class TimeWatch;
  friend struct TimeQueuePeer;  // of the tests
  static constexpr std::uint32_t kNoSlot = TimeWatch::kNoSlot;
  struct Entry {
    TimePoint due;
    std::uint32_t sequence;  // the timer's; older after a lazy re-arm
    std::uint32_t slot;
  };
  /// The children of the entry whose index is one less; the first line has the root only, as its
  /// last entry.
  struct alignas(64) Line {
    Entry entries[4];
  };

  Entry& entry(std::size_t index) noexcept {
    return reinterpret_cast<Entry*>(lines_.data())[index + 3];
  }
  TimeWatch& first() noexcept { return *watches_[entry(0).slot]; }

  static bool before(const Entry& a, const Entry& b) noexcept;
  std::size_t least_child(std::size_t index) const noexcept;
  void place(std::size_t index, const Entry& entry) noexcept;
  void sift_up(std::size_t index, Entry entry) noexcept;
  void sift_down(std::size_t index, Entry entry) noexcept;
  void insert(TimeWatch& watch);
  void erase(TimeWatch& watch) noexcept;
  void settle_top() noexcept;
  std::uint32_t take_slot(TimeWatch& watch);

  PlainArray<Line> lines_;
  std::size_t size_ = 0;
  PlainArray<TimeWatch*> watches_;    // of the slots; null where one is free
  PlainArray<std::uint32_t> places_;  // of the slots' entries; where one is free, the next that is
  std::uint32_t free_slot_ = kNoSlot;
  std::uint32_t next_sequence_ = 0;
  std::uint32_t first_new_ = 0;  // of what was armed since firing began
  TimePoint fired_until_ = TimeWatch::kNever + Duration(1);
  std::uint64_t fired_ = 0;
};

}  // namespace ioa
