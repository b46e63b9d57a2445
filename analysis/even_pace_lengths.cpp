#include "analysis/even_pace_lengths.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "sim/routes.hpp"

namespace orrery {
namespace {

// Seconds per byte of patterns over degraded links, as they are and with all links whole: with all that moves at the same time,
// so that groups have the same whether they are written apart or, alike, as one.
class WholeLinks {
 public:
  explicit WholeLinks(const Cluster& cluster) : cluster_(cluster) {
    for (const DegradedLink& d : cluster.fabric.degraded())
      if (d.rate > 0) rate_.try_emplace(d.link, 1).first->second *= d.rate;
  }

  // Of the time of a Transfer: the share that it would take.
  double share(const Program& program, const Operation& op) {
    if (rate_.empty() || !cluster_.router || !op.pattern.valid()) return 1;
    const auto [known, fresh] = paces_.try_emplace({&program, op.pattern});
    if (fresh) known->second = pace_of(program, op.pattern);
    const auto& [now, whole] = known->second;
    const double alone = time_alone(op, now).value;
    return alone > 0 && now.circuits.empty() ? time_alone(op, whole).value / alone : 1;
  }

 private:
  using Key = std::pair<const Program*, PatternId>;
  struct Pace {
    RoutedPattern now, whole;
  };
  struct Beside {  // a pattern's set: what each link carries, in the measure of its parts, and the pattern's own part
    const std::map<LinkId, double>* loads = nullptr;
    double moving = 1;
  };

  const RoutedPattern& routed(const Program& program, PatternId pattern) {
    const auto [known, fresh] = routed_.try_emplace({&program, pattern});
    if (fresh) known->second = route_pattern(cluster_.fabric, *cluster_.router, program.pattern(pattern));
    return known->second;
  }

  void read_sets(const Program& program) {
    for (std::size_t set = 0; set < program.together_count(); ++set) {
      std::map<LinkId, double>& loads = loads_.emplace_back();
      for (const MovingPart& part : program.together_set(set)) {
        beside_[{&program, part.pattern}] = {&loads, part.moving};
        for (const LinkLoad& load : routed(program, part.pattern).loads) loads[load.link] += load.weight * part.moving;
      }
    }
  }

  Pace pace_of(const Program& program, PatternId pattern) {
    if (read_.insert(&program).second) read_sets(program);
    Pace pace{routed(program, pattern), routed(program, pattern)};
    const auto set = beside_.find({&program, pattern});
    pace.now.bottleneck = pace.whole.bottleneck = 0;
    for (const LinkLoad& load : pace.now.loads) {
      const bool alone = set == beside_.end() || !(set->second.moving > 0);
      const double weight = alone ? load.weight : set->second.loads->at(load.link) / set->second.moving;
      const double now = weight / cluster_.fabric.link(load.link).bandwidth.value;
      const auto slow = rate_.find(load.link);
      pace.now.bottleneck = std::max(pace.now.bottleneck, now);
      pace.whole.bottleneck = std::max(pace.whole.bottleneck, now * (slow == rate_.end() ? 1 : slow->second));
    }
    return pace;
  }

  const Cluster& cluster_;
  std::map<LinkId, double> rate_;  // this and all that follows: only looked up
  std::set<const Program*> read_;  // of which the sets are known
  std::deque<std::map<LinkId, double>> loads_;
  std::map<Key, Beside> beside_;
  std::map<Key, RoutedPattern> routed_;
  std::map<Key, Pace> paces_;
};

struct Place {  // in the queue of computation, of all devices of one stage
  std::uint32_t record = 0;
  double quickest = 0;
  bool alike = true;  // they do the same there
};

class Lengths {
 public:
  Lengths(const JobView& view, const Cluster& cluster, KernelProfiles& profiles)
      : view_(view), cluster_(cluster), profiles_(profiles), whole_links_(cluster) {
    for (const Representative& r : view.devices()) pace_ = std::max(pace_, speed_of(cluster, r.device));
  }

  std::vector<double> even() {
    bool uneven = false;
    for_each_compute([&](const Step& step, Place& place, bool fresh) {
      const double alone = time_of(step, pace_);
      if (fresh) place = {step.record, alone, true};
      uneven |= alone != place.quickest || step.speed != pace_;
      place.quickest = std::min(place.quickest, alone);
      place.alike &= label_of(place.record) == label_of(step.record);
    });
    if (uneven)
      for_each_compute([&](const Step& step, const Place& place, bool) {
        shorten(step.record, place.alike ? place.quickest : time_of(step, pace_), time_of(step, step.speed));
      });
    take_whole_links();
    return std::move(lengths_);
  }

 private:
  struct Step {  // a Compute on a device
    std::uint32_t record = 0;
    DeviceTypeId type;
    double speed = 1;
  };

  // As the cost model has it: what streams and devices take from each other changes nothing here.
  double time_of(const Step& step, double speed) {
    const Record& record = view_.timeline().records[step.record];
    const Operation& op = view_.operation_of(record);
    return op.sequence.valid() ? profiles_.of(view_.program_of(record), op.sequence, step.type, speed).time_s : 0;
  }

  void shorten(std::uint32_t r, double even, double now) {
    if (!(even < now)) return;
    const auto& records = view_.timeline().records;
    if (lengths_.empty())
      for (const Record& record : records) lengths_.push_back(record.end_s - record.start_s);
    lengths_[r] = even / now * (records[r].end_s - records[r].start_s);
  }

  // A pass that one device has from a Call may be written out for another, whose labels then have the micro-batch.
  Label label_of(std::uint32_t r) const {
    const Record& record = view_.timeline().records[r];
    Label label = view_.operation_of(record).label;
    if (record.call.valid())
      label.micro_batch = view_.program_of(record).operations[record.call.index()].label.micro_batch;
    return label;
  }

  bool in_window(const Record& record) const {
    return record.start_s >= view_.window_start_s() && record.start_s < view_.window_end_s();
  }

  void take_whole_links() {
    if (cluster_.fabric.degraded().empty()) return;
    const auto& records = view_.timeline().records;
    for (std::uint32_t r = 0; r < records.size(); ++r) {
      if (!view_.has(records[r]) || !in_window(records[r])) continue;
      const Operation& op = view_.operation_of(records[r]);
      if (op.kind == OpKind::transfer) shorten(r, whole_links_.share(view_.program_of(records[r]), op), 1);
    }
  }

  // visit(step, place, first of the stage there): the n-th of a fragment in the queue of computation has the same place on
  // all devices of a stage. How long transfers take differs with distance and congestion, which slow nobody's device.
  template <class Visit> void for_each_compute(Visit visit) {
    for (std::size_t d = 0; d < view_.devices().size(); ++d) {
      const DeviceId device = view_.devices()[d].device;
      Step step{0, cluster_.type_of[device.index()], speed_of(cluster_, device)};
      std::uint32_t fragment = no_fragment;
      std::vector<Place>* places = nullptr;
      std::size_t next = 0;
      for (const std::uint32_t r : view_.records_of(d)) {
        const Record& record = view_.timeline().records[r];
        if (!in_window(record) || view_.operation_of(record).kind != OpKind::compute) continue;
        if (fragment != record.fragment) {
          fragment = record.fragment;
          places = &places_[{view_.devices()[d].stage, fragment}];
          next = 0;
        }
        const bool fresh = next == places->size();
        if (fresh) places->emplace_back();
        step.record = r;
        visit(step, (*places)[next++], fresh);
      }
    }
  }

  static constexpr std::uint32_t no_fragment = ~std::uint32_t{0};
  const JobView& view_;
  const Cluster& cluster_;
  KernelProfiles& profiles_;
  WholeLinks whole_links_;
  double pace_ = 0;              // the fastest clock of the job, of nominal
  std::vector<double> lengths_;  // none as long as nothing is shorter
  std::map<std::pair<std::int32_t, std::uint32_t>, std::vector<Place>> places_;
};

}  // namespace

std::vector<double> even_lengths(const JobView& view, const Cluster& cluster, KernelProfiles& profiles) {
  return Lengths(view, cluster, profiles).even();
}

}  // namespace orrery
