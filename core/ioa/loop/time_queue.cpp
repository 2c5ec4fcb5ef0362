#include "ioa/loop/time_queue.hpp"

#include <algorithm>
#include <utility>

namespace ioa {

void TimeWatch::arm(TimePoint due) {
  // Not before what has been fired already: a timer that re-arms itself into the past must sort
  // behind those that were due with it, or it would starve them.
  due_ = std::max(due, queue_->fired_until_);
  sequence_ = queue_->next_sequence_++;
  // Lazily: see settle_top.
  if (has_entry() && queue_->entry(queue_->places_[slot_]).due <= due_) return;
  if (has_entry()) queue_->erase(*this);
  queue_->insert(*this);
}

void TimeWatch::disarm() noexcept {
  due_ = kNever;
  if (has_entry()) queue_->erase(*this);
}

TimeQueue::~TimeQueue() {
  for (TimeWatch* watch : watches_) {
    if (watch == nullptr) continue;
    watch->due_ = TimeWatch::kNever;
    watch->slot_ = kNoSlot;
  }
}

std::optional<TimePoint> TimeQueue::next() noexcept {
  settle_top();
  if (empty()) return std::nullopt;
  return entry(0).due;
}

std::size_t TimeQueue::fire(TimePoint now, std::size_t limit) {
  begin_firing(now);
  return fire_due(now, limit);
}

void TimeQueue::begin_firing(TimePoint now) noexcept {
  fired_until_ = now;
  first_new_ = next_sequence_;
}

std::size_t TimeQueue::fire_due(TimePoint now, std::size_t limit) {
  std::size_t count = 0;
  while (count < limit) {
    settle_top();
    if (empty() || entry(0).due > now) break;
    TimeWatch& watch = first();
    // Armed by one of the callbacks since begin_firing(). (Sequence numbers wrap while a timer is
    // armed; to be taken for one of these by chance costs it one turn.)
    if (watch.sequence_ - first_new_ < next_sequence_ - first_new_) break;
    erase(watch);
    watch.due_ = TimeWatch::kNever;
    ++count;
    ++fired_;
    watch.callback_();
  }
  return count;
}

std::vector<TimePoint> TimeQueue::due_times() const {
  std::vector<TimePoint> times;
  for (const TimeWatch* watch : watches_)
    if (watch != nullptr) times.push_back(watch->due_);
  std::sort(times.begin(), times.end());
  return times;
}

/// Brings the first entry up to date with its timer, which may have been moved later meanwhile.
void TimeQueue::settle_top() noexcept {
  while (!empty()) {
    Entry top = entry(0);
    const TimeWatch& watch = first();
    if (top.sequence == watch.sequence_) return;
    top.sequence = watch.sequence_;
    top.due = watch.due_;
    sift_down(0, top);
  }
}

// Without branches: which of two timers is first is as good as random.
inline bool TimeQueue::before(const Entry& a, const Entry& b) noexcept {
  const bool is_earlier = a.due < b.due;
  const bool is_equal = a.due == b.due;
  const bool is_older = static_cast<std::int32_t>(a.sequence - b.sequence) < 0;
  return is_earlier | (is_equal & is_older);
}

// The timers that fire soon may lie anywhere in memory. Fetching them when they come near the top,
// in two steps, lets many of them wait for memory at once, instead of one after the other.
constexpr std::size_t kTopTwo = 5;    // entries of the first two levels
constexpr std::size_t kTopFour = 85;  // and of the first four

inline void TimeQueue::place(std::size_t index, const Entry& moved) noexcept {
  entry(index) = moved;
  places_[moved.slot] = static_cast<std::uint32_t>(index);
  if (index >= kTopFour) return;
  if (index >= kTopTwo) return __builtin_prefetch(&watches_[moved.slot]);
  const auto* watch = reinterpret_cast<const char*>(watches_[moved.slot]);
  __builtin_prefetch(watch);
  __builtin_prefetch(watch + sizeof(TimeWatch) - 1);
}

void TimeQueue::sift_up(std::size_t index, Entry moved) noexcept {
  while (index > 0) {
    const std::size_t parent = (index - 1) / 4;
    if (!before(moved, entry(parent))) break;
    place(index, entry(parent));
    index = parent;
  }
  place(index, moved);
}

/// Of an entry that has children.
inline std::size_t TimeQueue::least_child(std::size_t index) const noexcept {
  const std::size_t child = 4 * index + 1;
  const auto& entries = lines_[index + 1].entries;
  if (size_ - child >= 4) {
    const std::size_t a = before(entries[1], entries[0]) ? 1 : 0;
    const std::size_t b = before(entries[3], entries[2]) ? 3 : 2;
    return child + (before(entries[b], entries[a]) ? b : a);
  }
  std::size_t least = 0;
  for (std::size_t i = 1; i < size_ - child; ++i)
    if (before(entries[i], entries[least])) least = i;
  return child + least;
}

void TimeQueue::sift_down(std::size_t index, Entry moved) noexcept {
  while (4 * index + 1 < size_) {
    // The children of these children are needed next, whichever it will be.
    const std::size_t next = 4 * index + 2;
    if (next + 4 <= lines_.size())
      for (std::size_t line = next; line < next + 4; ++line)
        __builtin_prefetch(lines_.data() + line);
    const std::size_t least = least_child(index);
    if (!before(entry(least), moved)) break;
    place(index, entry(least));
    index = least;
  }
  place(index, moved);
}

std::uint32_t TimeQueue::take_slot(TimeWatch& watch) {
  if (free_slot_ == kNoSlot) {
    watches_.push_back(&watch);
    places_.push_back(0);
    return static_cast<std::uint32_t>(watches_.size() - 1);
  }
  const std::uint32_t slot = free_slot_;
  free_slot_ = places_[slot];
  watches_[slot] = &watch;
  return slot;
}

void TimeQueue::insert(TimeWatch& watch) {
  if ((size_ + 3) / 4 == lines_.size()) lines_.push_back({});
  watch.slot_ = take_slot(watch);
  ++size_;
  sift_up(size_ - 1, {watch.due_, watch.sequence_, watch.slot_});
}

void TimeQueue::erase(TimeWatch& watch) noexcept {
  const std::uint32_t slot = std::exchange(watch.slot_, kNoSlot);
  const std::size_t index = places_[slot];
  places_[slot] = std::exchange(free_slot_, slot);
  watches_[slot] = nullptr;
  const Entry last = entry(--size_);
  if (index == size_) return;
  if (index > 0 && before(last, entry((index - 1) / 4)))
    sift_up(index, last);
  else
    sift_down(index, last);
}

}  // namespace ioa
