#include "sim/record_lanes.hpp"

#include <algorithm>

namespace orrery {
namespace {

struct Head {  // the next record of a lane
  const Record *next, *end;
  std::size_t lane;
};

// Restores a heap, earliest first, of which only the top may be out of place.
void sift_down(std::vector<Head>& heap) {
  const std::size_t size = heap.size();
  const Head moving = heap[0];
  std::size_t at = 0;
  for (std::size_t child = 1; child < size; child = 2 * at + 1) {
    if (child + 1 < size && heap[child + 1].next->end_s < heap[child].next->end_s) ++child;
    if (!(heap[child].next->end_s < moving.next->end_s)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = moving;
}

}  // namespace

void RecordLanes::move_until(double horizon, std::vector<Record>& records) {
  std::vector<Head> heap;
  std::vector<const Record*> stopped(lanes_.size());
  for (std::size_t l = 0; l < lanes_.size(); ++l) {
    stopped[l] = lanes_[l].data();
    if (!lanes_[l].empty()) heap.push_back({lanes_[l].data(), lanes_[l].data() + lanes_[l].size(), l});
  }
  std::make_heap(heap.begin(), heap.end(), [](const Head& a, const Head& b) { return a.next->end_s > b.next->end_s; });
  const std::size_t before = records.size();
  while (!heap.empty() && heap[0].next->end_s <= horizon) {
    Head& head = heap[0];
    records.push_back(*head.next++);
    stopped[head.lane] = head.next;
    if (head.next == head.end) {
      heap[0] = heap.back();
      heap.pop_back();
    }
    if (!heap.empty()) sift_down(heap);
  }
  size_ -= records.size() - before;
  for (std::size_t l = 0; l < lanes_.size(); ++l)
    lanes_[l].erase(lanes_[l].begin(), lanes_[l].begin() + (stopped[l] - lanes_[l].data()));
}

}  // namespace orrery
