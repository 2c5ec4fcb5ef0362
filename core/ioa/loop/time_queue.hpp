#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ioa/base/clock.hpp"
#include "ioa/base/event_slot.hpp"

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

  bool is_armed() const noexcept { return is_armed_; }
  /// When it is due; counts only while it is armed.
  TimePoint due() const noexcept { return due_; }

  /// Has the callback run in the first turn that begins at or after `due`, instead of when it was
  /// armed for before. A time that has passed means the next turn. Moving it later is cheap.
  void arm(TimePoint due);
  void disarm() noexcept;

 private:
  friend class TimeQueue;

  TimeQueue* queue_;
  TimePoint due_{};
  std::uint32_t sequence_ = 0;        // among equal deadlines, who was armed first
  std::uint32_t entry_sequence_ = 0;  // as the queue's entry is sorted: older after a lazy re-arm
  std::uint32_t position_ = 0;        // of the queue's entry, while it has one
  std::uint16_t epoch_ = 0;           // the call of fire() that was the last one when it was armed
  bool is_armed_ = false;
  bool has_entry_ = false;
  CallbackSlot<> callback_;
};

/// The deadlines of a Loop: a 4-ary heap with the due time beside the pointer, so that sifting
/// touches no timer, and with lazy re-arming: a timer moved later keeps its early entry until that
/// surfaces. (Four ways and 16-byte entries: a million timers cost cache misses, not comparisons.)
class TimeQueue {
 public:
  TimeQueue() = default;
  TimeQueue(const TimeQueue&) = delete;
  TimeQueue& operator=(const TimeQueue&) = delete;
  /// Disarms what is left: watches may outlive the queue's use, but not call back.
  ~TimeQueue();

  bool empty() const noexcept { return heap_.empty(); }
  std::size_t size() const noexcept { return heap_.size(); }
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
  struct Entry {
    TimePoint due;
    TimeWatch* watch;
  };

  static bool before(const Entry& a, const Entry& b) noexcept;
  void place(std::size_t index, const Entry& entry) noexcept;
  void sift_up(std::size_t index, Entry entry) noexcept;
  void sift_down(std::size_t index, Entry entry) noexcept;
  void insert(TimeWatch& watch);
  void erase(TimeWatch& watch) noexcept;
  void settle_top() noexcept;

  std::vector<Entry> heap_;
  std::uint32_t next_sequence_ = 0;
  std::uint16_t epoch_ = 0;
  TimePoint fired_until_ = TimePoint::min();
  std::uint64_t fired_ = 0;
};

}  // namespace ioa
