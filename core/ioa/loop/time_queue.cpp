#include "ioa/loop/time_queue.hpp"

#include <algorithm>

namespace ioa {

void TimeWatch::arm(TimePoint due) {
  // Not before what has been fired already: a timer that re-arms itself into the past must sort
  // behind those that were due with it, or it would starve them.
  due = std::max(due, queue_->fired_until_);
  sequence_ = queue_->next_sequence_++;
  epoch_ = queue_->epoch_;
  due_ = due;
  is_armed_ = true;
  if (has_entry_ && queue_->heap_[position_].due <= due) return;  // lazily: see settle_top
  if (has_entry_) queue_->erase(*this);
  queue_->insert(*this);
}

void TimeWatch::disarm() noexcept {
  is_armed_ = false;
  if (has_entry_) queue_->erase(*this);
}

TimeQueue::~TimeQueue() {
  for (const Entry& entry : heap_) entry.watch->is_armed_ = entry.watch->has_entry_ = false;
}

std::optional<TimePoint> TimeQueue::next() noexcept {
  settle_top();
  if (heap_.empty()) return std::nullopt;
  return heap_.front().due;
}

std::size_t TimeQueue::fire(TimePoint now, std::size_t limit) {
  begin_firing(now);
  return fire_due(now, limit);
}

void TimeQueue::begin_firing(TimePoint now) noexcept {
  fired_until_ = now;
  ++epoch_;
}

std::size_t TimeQueue::fire_due(TimePoint now, std::size_t limit) {
  std::size_t count = 0;
  while (count < limit) {
    settle_top();
    if (heap_.empty() || heap_.front().due > now) break;
    TimeWatch& watch = *heap_.front().watch;
    // Armed by one of the callbacks since begin_firing(). (Not a matter of sequence numbers, which
    // wrap while a timer is armed. An epoch that comes round by chance costs one turn.)
    if (watch.epoch_ == epoch_) break;
    erase(watch);
    watch.is_armed_ = false;
    ++count;
    ++fired_;
    watch.callback_();
  }
  return count;
}

std::vector<TimePoint> TimeQueue::due_times() const {
  std::vector<TimePoint> times;
  for (const Entry& entry : heap_) times.push_back(entry.watch->due_);
  std::sort(times.begin(), times.end());
  return times;
}

/// Brings the first entry up to date with its timer, which may have been moved later meanwhile.
void TimeQueue::settle_top() noexcept {
  while (!heap_.empty()) {
    const Entry& top = heap_.front();
    TimeWatch& watch = *top.watch;
    if (watch.entry_sequence_ == watch.sequence_) return;
    watch.entry_sequence_ = watch.sequence_;
    sift_down(0, {watch.due_, &watch});
  }
}

bool TimeQueue::before(const Entry& a, const Entry& b) noexcept {
  if (a.due != b.due) return a.due < b.due;
  return static_cast<std::int32_t>(a.watch->entry_sequence_ - b.watch->entry_sequence_) < 0;
}

void TimeQueue::place(std::size_t index, const Entry& entry) noexcept {
  heap_[index] = entry;
  entry.watch->position_ = static_cast<std::uint32_t>(index);
}

void TimeQueue::sift_up(std::size_t index, Entry entry) noexcept {
  while (index > 0) {
    const std::size_t parent = (index - 1) / 4;
    if (!before(entry, heap_[parent])) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, entry);
}

void TimeQueue::sift_down(std::size_t index, Entry entry) noexcept {
  const std::size_t size = heap_.size();
  for (;;) {
    const std::size_t first = 4 * index + 1;
    if (first >= size) break;
    std::size_t least = first;
    for (std::size_t child = first + 1; child < std::min(first + 4, size); ++child)
      if (before(heap_[child], heap_[least])) least = child;
    if (!before(heap_[least], entry)) break;
    place(index, heap_[least]);
    index = least;
  }
  place(index, entry);
}

void TimeQueue::insert(TimeWatch& watch) {
  heap_.push_back({});
  watch.has_entry_ = true;
  watch.entry_sequence_ = watch.sequence_;
  sift_up(heap_.size() - 1, {watch.due_, &watch});
}

void TimeQueue::erase(TimeWatch& watch) noexcept {
  const std::size_t index = watch.position_;
  watch.has_entry_ = false;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (index == heap_.size()) return;
  if (index > 0 && before(last, heap_[(index - 1) / 4]))
    sift_up(index, last);
  else
    sift_down(index, last);
}

}  // namespace ioa
