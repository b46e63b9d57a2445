#include "sim/sharing.hpp"

#include <algorithm>
#include <limits>

namespace orrery {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double rounding = 1 + 1e-12;

// Rates are those of largest flows, in B/s.
class Sharing {
 public:
  Sharing(const Fabric& fabric, std::span<const SharingTransfer> transfers)
      : transfers_(transfers), uses_(transfers.size()) {
    struct Touch {
      LinkId link;
      std::size_t transfer;
      double weight;
    };
    std::vector<Touch> touches;
    for (std::size_t t = 0; t < transfers.size(); ++t) {
      const RoutedPattern& pattern = *transfers[t].pattern;
      own_limit_.push_back(pattern.bottleneck > 0 ? pattern.fair_share / pattern.bottleneck : infinity);
      for (const LinkLoad& load : pattern.loads) touches.push_back({load.link, t, load.weight / pattern.fair_share});
    }
    std::stable_sort(touches.begin(), touches.end(), [](const Touch& a, const Touch& b) { return a.link < b.link; });
    for (std::size_t first = 0, last = 0; first < touches.size(); first = last) {
      while (last < touches.size() && touches[last].link == touches[first].link) ++last;
      if (last - first < 2) continue;  // nobody to share with: in its own limit
      for (std::size_t i = first; i < last; ++i)
        uses_[touches[i].transfer].push_back({capacity_.size(), touches[i].weight});
      capacity_.push_back(fabric.link(touches[first].link).bandwidth.value);
    }
  }

  std::vector<double> times() {
    std::vector<double> times(transfers_.size(), 0.0), left;
    std::vector<std::size_t> moving;
    for (std::size_t t = 0; t < transfers_.size(); ++t) {
      left.push_back(transfers_[t].bytes * transfers_[t].pattern->fair_share);
      if (left[t] > 0 && own_limit_[t] < infinity) moving.push_back(t);
    }
    double now = 0;
    while (!moving.empty()) {
      const std::vector<double> rates = fill(moving);
      double step = infinity;
      for (std::size_t t : moving) step = std::min(step, left[t] / rates[t]);
      now += step;
      std::erase_if(moving, [&](std::size_t t) {
        const bool ends = left[t] / rates[t] <= step * rounding;
        left[t] -= step * rates[t];
        if (ends) times[t] = now;
        return ends;
      });
    }
    return times;
  }

 private:
  struct Use {
    std::size_t link;
    double weight;
  };

  std::vector<double> fill(std::vector<std::size_t> unfilled) const {
    std::vector<double> rates(transfers_.size(), 0.0), left = capacity_, weight(capacity_.size(), 0.0);
    for (std::size_t t : unfilled)
      for (const Use& use : uses_[t]) weight[use.link] += use.weight;
    while (!unfilled.empty()) {
      double level = infinity;
      const auto level_of = [&](std::size_t t) {
        double lowest = own_limit_[t];
        for (const Use& use : uses_[t]) lowest = std::min(lowest, left[use.link] / weight[use.link]);
        return lowest;
      };
      for (std::size_t t : unfilled) level = std::min(level, level_of(t));
      std::vector<std::size_t> filled, others;
      for (std::size_t t : unfilled) (level_of(t) <= level * rounding ? filled : others).push_back(t);
      for (std::size_t t : filled) {
        rates[t] = level;
        for (const Use& use : uses_[t]) {
          left[use.link] -= use.weight * level;
          weight[use.link] -= use.weight;
        }
      }
      unfilled = std::move(others);
    }
    return rates;
  }

  std::span<const SharingTransfer> transfers_;
  std::vector<std::vector<Use>> uses_;  // by Transfer: the links that others use too
  std::vector<double> own_limit_, capacity_;
};

}  // namespace

std::vector<double> times_sharing(const Fabric& fabric, std::span<const SharingTransfer> transfers) {
  return Sharing(fabric, transfers).times();
}

}  // namespace orrery
