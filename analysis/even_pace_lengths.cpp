#include "analysis/even_pace_lengths.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "sim/routes.hpp"

namespace orrery {
namespace {

// Seconds per byte of patterns over degraded links, as they are and with all links whole.
class WholeLinks {
 public:
  explicit WholeLinks(const Cluster& cluster) : cluster_(cluster) {
    for (const DegradedLink& d : cluster.fabric.degraded())
      if (d.rate > 0) rate_.try_emplace(d.link, 1).first->second *= d.rate;
  }

  // Of the time of a Transfer: the share that it would take.
  double share(const Program& program, const Operation& op) {
    if (rate_.empty() || !cluster_.router || !op.pattern.valid()) return 1;
    const auto [known, fresh] = patterns_.try_emplace({&program, op.pattern});
    auto& [routed, whole] = known->second;
    if (fresh) {
      routed = route_pattern(cluster_.fabric, *cluster_.router, program.pattern(op.pattern));
      whole = routed;
      whole.bottleneck = 0;
      for (const LinkLoad& load : routed.loads) {
        const auto slow = rate_.find(load.link);
        const double bandwidth = cluster_.fabric.link(load.link).bandwidth.value /
                                 (slow == rate_.end() ? 1 : slow->second);
        whole.bottleneck = std::max(whole.bottleneck, load.weight / bandwidth);
      }
      whole.bottleneck = std::min(whole.bottleneck, routed.bottleneck);
    }
    const double now = time_alone(op, routed).value;
    return now > 0 && routed.circuits.empty() ? time_alone(op, whole).value / now : 1;
  }

 private:
  const Cluster& cluster_;
  std::map<LinkId, double> rate_;                                                                     // only looked up
  std::map<std::pair<const Program*, PatternId>, std::pair<RoutedPattern, RoutedPattern>> patterns_;  // likewise
};

struct Place {  // in the queue of computation, of all devices of one stage
  std::uint32_t record = 0;
  double quickest = 0;
  bool alike = true;  // they do the same there
};

class Lengths {
 public:
  Lengths(const JobView& view, const Cluster& cluster, KernelProfiles& profiles)
      : view_(view), cluster_(cluster), profiles_(profiles), whole_links_(cluster) {}

  std::vector<double> even() {
    const auto& records = view_.timeline().records;
    for (const Record& r : records) lengths_.push_back(r.end_s - r.start_s);
    for (std::size_t d = 0; d < view_.devices().size(); ++d) take_nominal(d);
    for_each_compute([&](std::uint32_t r, Place& place, bool fresh) {
      if (fresh) place = {r, lengths_[r], true};
      place.quickest = std::min(place.quickest, lengths_[r]);
      place.alike &= label_of(records[place.record]) == label_of(records[r]);
    });
    for_each_compute([&](std::uint32_t r, const Place& place, bool) {
      if (place.alike) lengths_[r] = std::min(lengths_[r], place.quickest);
    });
    // Times of devices that do the same differ by rounding.
    const double tie = 1e-9 * (view_.window_end_s() - view_.window_start_s());
    for (std::size_t r = 0; r < records.size(); ++r)
      if (lengths_[r] < records[r].end_s - records[r].start_s - tie) return std::move(lengths_);
    return {};
  }

 private:
  // A pass that one device has from a Call may be written out for another, whose labels then have the micro-batch.
  Label label_of(const Record& record) const {
    Label label = view_.operation_of(record).label;
    if (record.call.valid())
      label.micro_batch = view_.program_of(record).operations[record.call.index()].label.micro_batch;
    return label;
  }

  bool in_window(const Record& record) const {
    return record.start_s >= view_.window_start_s() && record.start_s < view_.window_end_s();
  }

  void take_nominal(std::size_t d) {
    const DeviceId device = view_.devices()[d].device;
    const DeviceTypeId type = cluster_.type_of[device.index()];
    const double speed = speed_of(cluster_, device);
    for (const std::uint32_t r : view_.records_of(d)) {
      const Record& record = view_.timeline().records[r];
      const Program& program = view_.program_of(record);
      const Operation& op = view_.operation_of(record);
      if (!in_window(record)) continue;
      double share = 1;
      if (op.kind == OpKind::transfer) {
        share = whole_links_.share(program, op);
      } else if (op.kind == OpKind::compute && op.sequence.valid() && speed < 1) {
        const double now = profiles_.of(program, op.sequence, type, speed).time_s;
        if (now > 0) share = profiles_.of(program, op.sequence, type, 1).time_s / now;
      }
      lengths_[r] = std::min(lengths_[r], share * (record.end_s - record.start_s));
    }
  }

  // visit(record, place, first of the stage there): the n-th of a fragment in the queue of computation has the same place on
  // all devices of a stage. How long transfers take differs with distance and congestion, which slow nobody's device.
  template <class Visit> void for_each_compute(Visit visit) {
    for (std::size_t d = 0; d < view_.devices().size(); ++d) {
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
        visit(r, (*places)[next++], fresh);
      }
    }
  }

  static constexpr std::uint32_t no_fragment = ~std::uint32_t{0};
  const JobView& view_;
  const Cluster& cluster_;
  KernelProfiles& profiles_;
  WholeLinks whole_links_;
  std::vector<double> lengths_;
  std::map<std::pair<std::int32_t, std::uint32_t>, std::vector<Place>> places_;
};

// One device a stage, at the nominal clock, on links that are whole.
bool nothing_to_compare(const JobView& view, const Cluster& cluster) {
  std::vector<std::int32_t> stages;
  for (const Representative& r : view.devices()) {
    if (speed_of(cluster, r.device) < 1) return false;
    stages.push_back(r.stage);
  }
  std::sort(stages.begin(), stages.end());
  return cluster.fabric.degraded().empty() && std::adjacent_find(stages.begin(), stages.end()) == stages.end();
}

}  // namespace

std::vector<double> even_lengths(const JobView& view, const Cluster& cluster, KernelProfiles& profiles) {
  if (nothing_to_compare(view, cluster)) return {};
  return Lengths(view, cluster, profiles).even();
}

}  // namespace orrery
